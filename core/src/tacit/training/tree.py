"""Nested state as tensors plus JSON, and back: no pickle on the way."""

from __future__ import annotations

from typing import Any

from torch import Tensor

_TENSOR, _TUPLE, _MAP = "__tensor__", "__tuple__", "__map__"


def flatten(tree: Any) -> tuple[dict[str, Tensor], Any]:
    """The tensors of a nested state by path, and the rest as JSON.

    Dictionaries (also with integer keys), lists, tuples, numbers, strings, booleans, None and
    tensors are kept exactly.

    Raises:
        TypeError: something else, with its path.
    """
    tensors: dict[str, Tensor] = {}
    return tensors, _strip(tree, "", tensors)


def _strip(node: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(node, Tensor):
        tensors[path] = node.detach()
        return {_TENSOR: path}
    if isinstance(node, dict):
        items = [(key, _strip(item, f"{path}/{key}", tensors)) for key, item in node.items()]
        if all(isinstance(key, str) and not key.startswith("__") for key in node):
            return dict(items)
        return {_MAP: [list(item) for item in items]}
    if isinstance(node, (list, tuple)):
        items = [_strip(item, f"{path}/{i}", tensors) for i, item in enumerate(node)]
        return {_TUPLE: items} if isinstance(node, tuple) else items
    if node is None or isinstance(node, (bool, int, float, str)):
        return node
    raise TypeError(f"state at {path or 'the root'}: cannot be stored: {type(node).__name__}")


def unflatten(skeleton: Any, tensors: dict[str, Tensor]) -> Any:
    """The nested state again."""
    if isinstance(skeleton, list):
        return [unflatten(item, tensors) for item in skeleton]
    if not isinstance(skeleton, dict):
        return skeleton
    if _TENSOR in skeleton:
        return tensors[skeleton[_TENSOR]]
    if _TUPLE in skeleton:
        return tuple(unflatten(item, tensors) for item in skeleton[_TUPLE])
    if _MAP in skeleton:
        return {key: unflatten(item, tensors) for key, item in skeleton[_MAP]}
    return {key: unflatten(item, tensors) for key, item in skeleton.items()}
