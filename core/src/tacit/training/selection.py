"""Which parameters are trained: all, some by name, new rows of one; encoders that are locked."""

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


class Locked:
    """Encoders that stay as they are, until `release`: a tower that was trained before.

    Their parameters get no gradient, and they run in evaluation mode, so that neither batch
    statistics nor dropout change what they say.

    Args:
        encoders: by modality.
        names: the modalities to lock.

    Raises:
        ValueError: a name that is no modality of the run, or none left to train.

    Source: Zhai et al. 2022 (LiT, arXiv 2111.07991) section 3: one tower locked.
    """

    def __init__(self, encoders: nn.ModuleDict, names: Sequence[str]) -> None:
        if unknown := sorted(set(names) - set(encoders)):
            raise ValueError(f"locked: wanted some of {', '.join(encoders)}; got {unknown}")
        self._encoders = [encoders[name] for name in names]
        every = [p for encoder in self._encoders for p in encoder.parameters()]
        self._frozen = [parameter for parameter in every if parameter.requires_grad]
        for encoder in self._encoders:
            encoder.eval()
        for parameter in self._frozen:
            parameter.requires_grad_(False)

    def release(self) -> None:
        """Make trainable what was before."""
        for encoder in self._encoders:
            encoder.train()
        for parameter in self._frozen:
            parameter.requires_grad_(True)


def rates(named: Mapping[str, nn.Parameter], factors: Mapping[str, float]) -> dict[str, float]:
    """The factor on each parameter's learning rate, by name; 1 where no pattern matches.

    Of several patterns that match, the last counts.

    Raises:
        ValueError: a pattern that matches nothing, or a factor that is not above 0.
    """
    found: dict[str, float] = {}
    for pattern, factor in factors.items():
        matched = [name for name in named if fnmatchcase(name, pattern)]
        if not matched:
            raise ValueError(
                f"rates: {pattern!r} matches no parameter; they are called like "
                f"{next(iter(named))!r}"
            )
        if factor <= 0:
            raise ValueError(f"rates: wanted a factor above 0 of {pattern!r}, or lock the encoder")
        found |= dict.fromkeys(matched, factor)
    return found


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
