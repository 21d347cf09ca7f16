"""Update plans: how the losses of a batch become parameter updates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from torch import Tensor, nn

if TYPE_CHECKING:
    from tacit.contract.objective import Losses


@runtime_checkable
class Updater(Protocol):
    """What the engine lends a plan: forward, backward and step.

    Precision, clipping and the averaging over processes are right whichever way they are combined.
    """

    @property
    def players(self) -> Sequence[str]:
        """Names of the parameter sets with an optimiser of their own; `main` first."""

    def parts(self) -> Iterable[None]:
        """The parts a batch is accumulated over, one at a time; most often the batch itself."""

    def losses(self) -> Losses:
        """Run the forward: the same views and masks each time within one part."""

    def backward(self, loss: Tensor, *, retain_graph: bool = False) -> None:
        """Add the gradients of a loss to the parameters' `.grad`."""

    def parameters(self, player: str = "main") -> Sequence[nn.Parameter]:
        """The parameters of one player."""

    def shared(self) -> Sequence[nn.Parameter]:
        """Those of `main`'s parameters that lie in the encoders: what all terms share."""

    def gradients(self, loss: Tensor, *, player: str = "main") -> list[Tensor]:
        """The gradients of one loss, averaged over processes, without touching `.grad`."""

    def step(self, player: str = "main") -> None:
        """Clip, step one player's optimiser, and clear its gradients."""

    def total(self, losses: Losses) -> Tensor:
        """The weighted sum of the terms, by the run's weights."""


@runtime_checkable
class UpdatePlan(Protocol):
    """One batch's update. The loop around it (data, schedules, checkpoints) stays the engine's."""

    def __call__(self, update: Updater) -> Losses:
        """Update the parameters; return the losses to log."""


@dataclass(frozen=True)
class OneStep:
    """One backward of the sum of the terms and one step: the default.

    The only plan that accumulates: under `accumulate = k` the terms see a k-th of the batch each
    time, and their gradients are averaged.
    """

    def __call__(self, update: Updater) -> Losses:
        """Update every player once."""
        every = []
        for _ in update.parts():
            every.append(losses := update.losses())
            update.backward(update.total(losses))
        for player in update.players:
            update.step(player)
        return losses if len(every) == 1 else losses.mean(every)


@dataclass(frozen=True)
class Alternate:
    """Players take turns on the same batch, each minimising its own terms.

    Args:
        terms: player to the names of the losses it minimises, in the order of the turns.
    """

    terms: Mapping[str, tuple[str, ...]]

    def __call__(self, update: Updater) -> Losses:
        """One forward, backward and step for each player."""
        from tacit.contract.objective import Losses

        seen: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for player, names in self.terms.items():
            losses = update.losses()
            own = Losses(terms={name: losses.terms[name] for name in names})
            for parameter, gradient in zip(
                update.parameters(player),
                update.gradients(update.total(own), player=player),
                strict=True,
            ):
                parameter.grad = gradient
            update.step(player)
            seen |= own.terms
            metrics |= losses.metrics
        return Losses(terms=seen, metrics=metrics)


@dataclass(frozen=True)
class PerLoss:
    """One gradient per loss term, combined by a rule (min-norm, projection, normalisation).

    Args:
        combine: takes one flat gradient a term `(terms, parameters)`, of the encoders' parameters
            alone: heads that serve one term are no conflict. Returns a weight per term.

    Source: Sener and Koltun 2018 (arXiv 1810.04650) section 3.2: gradients of shared parameters.
    """

    combine: Callable[[Tensor], Tensor]

    def __call__(self, update: Updater) -> Losses:
        """Step along the weighted sum of the terms' gradients; the weights are logged."""
        import torch

        from tacit.contract.objective import Losses

        losses = update.losses()
        gradients = [update.gradients(term) for term in losses.terms.values()]
        parameters, shared = update.parameters(), {id(p) for p in update.shared()}
        among = [i for i, parameter in enumerate(parameters) if id(parameter) in shared]
        flat = torch.stack([torch.cat([each[i].flatten() for i in among]) for each in gradients])
        weights = self.combine(flat)
        for position, parameter in enumerate(parameters):
            stacked = torch.stack([each[position] for each in gradients])
            parameter.grad = torch.tensordot(weights.to(stacked.dtype), stacked, dims=1)
        update.step()
        found = {f"{name}/weight": weights[i].detach() for i, name in enumerate(losses.terms)}
        return Losses(terms=losses.terms, metrics={**losses.metrics, **found})
