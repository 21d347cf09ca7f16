"""Which parameters are trained: all, some by name, or only the new rows of one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

_ROWS = re.compile(r"(?P<name>.+)\[(?P<first>\d+):\]")


@dataclass(frozen=True)
class Selected:
    """One entry of `Training.trainable`.

    Args:
        pattern: matches full parameter names.
        first: rows before this one stay as they are; None where whole parameters are meant.
    """

    pattern: str
    first: int | None = None

    @classmethod
    def parse(cls, text: str) -> Selected:
        """`encoders.*.adapter.*`, or `encoders.*.embed.weight[30522:]` for the rows from there."""
        rows = _ROWS.fullmatch(text)
        return cls(rows["name"], int(rows["first"])) if rows else cls(text)


class Selection:
    """What is trained, until `release` makes it all as it was.

    Of a parameter trained from some row on, the gradient of the other rows is 0.

    Args:
        module: whose parameters.
        entries: what to leave trainable; all as it is where there are none.

    Attributes:
        undecayed: names of parameters trained in part: weight decay would move their other rows.

    Raises:
        ValueError: an entry matches no parameter, or starts after its last row.
    """

    def __init__(self, module: nn.Module, entries: Sequence[str]) -> None:
        named = dict(module.named_parameters())
        chosen = _chosen(named, entries)
        unwanted = [p for name, p in named.items() if entries and name not in chosen]
        self._frozen = [parameter for parameter in unwanted if parameter.requires_grad]
        for parameter in self._frozen:
            parameter.requires_grad_(False)
        partly = {name: first for name, first in chosen.items() if first is not None}
        self._hooks = [_only_rows(name, named[name], first) for name, first in partly.items()]
        self.undecayed = frozenset(partly)

    def release(self) -> None:
        """Make trainable what was before: the next stage chooses anew."""
        for parameter in self._frozen:
            parameter.requires_grad_(True)
        for hook in self._hooks:
            hook.remove()


def _chosen(named: Mapping[str, nn.Parameter], entries: Sequence[str]) -> dict[str, int | None]:
    chosen: dict[str, int | None] = {}
    for entry in entries:
        selected = Selected.parse(entry)
        found = [name for name in named if fnmatchcase(name, selected.pattern)]
        if not found:
            raise ValueError(
                f"trainable: {entry!r} matches no parameter; they are called like "
                f"{next(iter(named))!r}"
            )
        chosen |= dict.fromkeys(found, selected.first)
    return chosen


def _only_rows(name: str, parameter: nn.Parameter, first: int) -> RemovableHandle:
    rows = parameter.shape[0] if parameter.ndim else 0
    if first >= rows:
        raise ValueError(f"trainable: {name} has {rows} rows: none is left from row {first} on")
    handle: RemovableHandle = parameter.register_hook(_Rows(first))
    return handle


class _Rows:
    """Takes the gradient of the first rows away."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __call__(self, gradient: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(gradient[: self.first]), gradient[self.first :]])
