"""What an objective sees of one step: the engine's side of `tacit.contract.Context`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tacit.contract import Batch, Encoder, Encoding, Mask, Tokens, View

if TYPE_CHECKING:
    from tacit.methods.learner import Learner


@runtime_checkable
class Services(Protocol):
    """What only an engine can do for an objective; absent in a loop without one."""

    def dataset_pass(self, name: str, compute: Callable[[Batch], Tensor], refresh: str) -> Tensor:
        """See `tacit.contract.Context.dataset_pass`."""

    def set_value(self, name: str, value: float) -> None:
        """See `tacit.contract.Context.set_value`."""

    def snapshot(self, name: str) -> None:
        """See `tacit.contract.Context.snapshot`."""

    def restore(self, name: str) -> None:
        """See `tacit.contract.Context.restore`."""


@dataclass(kw_only=True)
class Frame:
    """Where in a stage a step stands.

    Args:
        step: optimiser steps done.
        part: of the batch, where it is accumulated over several.
        epoch: epochs done.
        progress: share of the stage that is done, 0 to 1; 0 when its end is unknown.
        values: scheduled values by name.
        read: names of values the objective has asked for so far.
    """

    step: int = 0
    part: int = 0
    epoch: int = 0
    progress: float = 0.0
    values: Mapping[str, float] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)


class StepContext:
    """One step's context: remembers what was encoded, refuses what was not declared."""

    __slots__ = ("_batch", "_generator", "_learner", "_memo", "_purpose", "_tokens", "device")

    def __init__(
        self, learner: Learner, batch: Batch | None, device: torch.device, purpose: int
    ) -> None:
        self._learner = learner
        self._batch = batch
        self._memo: dict[
            tuple[int, str, int, tuple[int, ...], bool], tuple[Any, Any, Encoding]
        ] = {}
        self._tokens: dict[tuple[int, bool], tuple[View, Tokens]] = {}
        self._generator: torch.Generator | None = None
        self._purpose = purpose
        self.device = device

    @property
    def step(self) -> int:
        """Optimiser steps done in this stage."""
        return self._learner.frame.step

    @property
    def epoch(self) -> int:
        """Epochs done in this stage."""
        return self._learner.frame.epoch

    @property
    def progress(self) -> float:
        """Share of the stage that is done; 0 when its end is unknown."""
        return self._learner.frame.progress

    @property
    def generator(self) -> torch.Generator:
        """The only randomness an objective may use; seeded when first asked for."""
        if self._generator is None:
            self._generator = self._learner.generator(self.device, self._purpose)
        return self._generator

    def value(self, name: str, default: float) -> float:
        """A scheduled value, or the default where nothing schedules it."""
        self._learner.frame.read.add(name)
        return self._learner.frame.values.get(name, default)

    def set_value(self, name: str, value: float) -> None:
        """Set a value from the next step on, whatever its schedule says."""
        self._services.set_value(name, value)

    def encode(
        self,
        view: View | Tokens,
        *,
        which: str = "student",
        mask: Mask | None = None,
        taps: Sequence[int] = (),
    ) -> Encoding:
        """The encoding of a view or of tokens; the same request runs once."""
        key = (id(view), which, id(mask), tuple(taps), torch.is_grad_enabled())
        if (known := self._memo.get(key)) is not None:
            return known[2]
        if isinstance(view, View):
            encoder, value = self._learner.encoder(view.modality, which), view.value
            if which == "student":
                value = self._tokens.get((id(view), key[-1]), (view, value))[1]
        else:
            encoder, value = self._learner.sole_encoder(which), view
        encoding: Encoding
        if which == "student":
            encoding = encoder(value, mask=mask, taps=taps)
        else:
            with torch.no_grad():
                encoding = encoder(value, mask=mask, taps=taps)
        if self._batch is not None:  # a pass over the data set must not hold all of it
            self._memo[key] = (view, mask, encoding)  # holding both keeps their ids their own
        return encoding

    def tokenize(self, view: View) -> Tokens:
        """The student's tokens of a view; the same request runs once, and `encode` goes on."""
        key = (id(view), torch.is_grad_enabled())
        if (known := self._tokens.get(key)) is not None:
            return known[1]
        tokens: Tokens = self._learner.encoder(view.modality).tokenize(view.value)
        if self._batch is not None:
            self._tokens[key] = (view, tokens)
        return tokens

    def encode_each(
        self, views: Sequence[View], *, which: str = "student", joint: bool = False
    ) -> list[Encoding]:
        """The encodings of several views; with `joint`, as one batch where they fit together."""
        if joint and len(views) > 1:
            modality = self._learner.modalities[views[0].modality]
            value = modality.concatenate([view.value for view in views])
            if value is not None:
                whole = View(value=value, modality=views[0].modality)
                return _split(
                    self.encode(whole, which=which), [modality.size(v.value) for v in views]
                )
        return [self.encode(view, which=which) for view in views]

    def mix(
        self, view: View, other: View, *, order: Int[Tensor, " instances"], share: Float[Tensor, ""]
    ) -> View:
        """A view between two, as their modality mixes."""
        if not self._learner.objective.requires.mix:
            name = type(self._learner.objective).__name__
            raise ValueError(f"{name} mixes undeclared: declare Requirements(mix=True)")
        modality = self._learner.modalities[view.modality]
        with torch.no_grad():
            value = modality.mix(view.value, other.value, order=order, share=share)
        return replace(view, value=value, meta={"order": order, "share": share})

    def encoder(self, modality: str, *, which: str = "student") -> Encoder:
        """An encoder itself."""
        return self._learner.encoder(modality, which)

    def part(self, name: str, *, which: str) -> nn.Module:
        """A teacher's copy of one of the objective's parts."""
        return self._learner.teacher(which).parts[name]

    def labels(self) -> Tensor:
        """The labels of the batch, if the objective declared that it needs them."""
        return self._declared("label", "labels")

    def groups(self) -> Tensor:
        """The group ids of the batch, if the objective declared that it needs them."""
        return self._declared("group", "groups")

    def dataset_pass(
        self, name: str, compute: Callable[[Batch], Tensor], *, refresh: str = "stage"
    ) -> Tensor:
        """`compute` over the whole data set, rows ordered by index."""
        return self._services.dataset_pass(name, compute, refresh)

    def snapshot(self, name: str = "snapshot") -> None:
        """Keep a copy of the training state under a name."""
        self._services.snapshot(name)

    def restore(self, name: str = "snapshot") -> None:
        """Go back to a snapshot when this step is over."""
        self._services.restore(name)

    @property
    def _services(self) -> Services:
        if self._learner.services is None:
            raise ValueError(
                f"{type(self._learner.objective).__name__} needs passes over the data set, "
                "snapshots or values to set, which a training engine provides: train it with "
                "tacit.pretrain"
            )
        return self._learner.services

    def _declared(self, attribute: str, requirement: str) -> Tensor:
        objective = self._learner.objective
        if not getattr(objective.requires, requirement):
            raise ValueError(
                f"{type(objective).__name__} reads {requirement} it does not require: "
                f"declare Requirements({requirement}=True)"
            )
        value: Tensor | None = getattr(self._batch, attribute, None)
        if value is None:
            raise ValueError(f"the batch has no {requirement}: name their column at the source")
        return value


def _split(encoding: Encoding, sizes: list[int]) -> list[Encoding]:
    """The parts of a joint encoding; dense tokens are split along the batch."""
    if encoding.owner is not None:
        raise ValueError("joint encoding of packed tokens: encode the views one by one")

    def part(tensor: Tensor | None) -> list[Tensor | None]:
        return [None] * len(sizes) if tensor is None else list(tensor.split(sizes))

    pooled, tokens = encoding.pooled.split(sizes), part(encoding.tokens)
    valid, kept = part(encoding.valid), part(encoding.kept)
    return [
        Encoding(pooled=pooled[i], tokens=tokens[i], valid=valid[i], kept=kept[i])
        for i in range(len(sizes))
    ]
