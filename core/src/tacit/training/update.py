"""From losses to parameter updates: precision, accumulation, clipping, averaging over processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tacit.contract import Batch, Losses, OneStep, PerLoss, Views
from tacit.methods.learner import Learner
from tacit.training import optimizers
from tacit.training.parallel import average, replicate
from tacit.training.selection import Locked, Selection, rates
from tacit.training.settings import Training

_WEIGHT = "weights."  # beginning of the name of a scheduled weight of a loss term
_WHOLE = (None,)  # the one part of a batch that is not split
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Update:
    """The engine's side of `tacit.contract.Updater`: one batch at a time.

    Args:
        learner: what is trained, already on its device.
        settings: precision, accumulation, clipping, optimiser.

    Raises:
        ValueError: settings the objective's plan cannot honour, or patterns that match nothing.
    """

    def __init__(self, learner: Learner, settings: Training) -> None:
        self.learner = learner
        self.plan = learner.objective.plan()
        self._base_weights = self._weights = settings.weights
        self._clip = settings.clip
        self._dtype = _DTYPES.get(settings.precision)
        self._accumulate = settings.accumulate
        self._plain = isinstance(self.plan, OneStep)
        self._check_plan(settings)
        self._selection = Selection(learner, settings.trainable)
        self._locked = Locked(learner.encoders, settings.locked)
        factors = rates(dict(learner.named_parameters()), settings.rates)
        undecayed = self._selection.undecayed | optimizers.undecayed(learner)
        self._owned = _players(learner)
        self._check_players(settings)
        self.players: Sequence[str] = tuple(self._owned)
        self.optimizers = {
            player: optimizers.build(
                settings.optimizers.get(player, settings.optimizer),
                [(name, p) for name, p in learner.named_parameters() if id(p) in ids],
                no_weight_decay=undecayed,
                rates=factors,
            )
            for player, ids in ((n, {id(p) for p in ps}) for n, ps in self._owned.items())
        }
        self._base = {
            player: [(g["lr"], g["weight_decay"]) for g in optimizer.param_groups]
            for player, optimizer in self.optimizers.items()
        }
        half = settings.precision == "fp16"
        self.scaler = torch.amp.grad_scaler.GradScaler(learner.device.type, enabled=half)
        self._scaled = half
        self.forward: nn.Module = replicate(learner) if self._plain else learner
        self._quiet: Callable[[], AbstractContextManager[None]] = nullcontext
        self._learn: Callable[[Batch, Views], Losses] = learner.forward  # no hooks to look for
        if isinstance(self.forward, DistributedDataParallel):
            self._quiet, self._learn = self.forward.no_sync, self.forward
        self._terms: set[str] = set()
        self._batch: list[Batch] = []
        self._views: list[Views | None] = []
        self._part = 0

    def begin(self, batch: Batch, values: Mapping[str, float]) -> None:
        """Take the next batch, and set the optimisers to the values of this step."""
        self._batch = [batch] if self._accumulate == 1 else batch.split(self._accumulate)
        self._views = [None] * len(self._batch)
        self._part = self.learner.frame.part = 0
        if values:
            self._schedule(values)

    def parts(self) -> Iterable[None]:
        """The parts of the batch, one at a time."""
        return _WHOLE if len(self._batch) == 1 else self._several()

    def _several(self) -> Iterator[None]:
        for part in range(len(self._batch) - 1):
            self._part = self.learner.frame.part = part
            with self._quiet():  # forward too: DDP arms itself there
                yield
        self._part = self.learner.frame.part = len(self._batch) - 1
        yield

    def losses(self) -> Losses:
        """The forward of the present part, with the same views and masks each time."""
        batch = self._batch[self._part]
        if (views := self._views[self._part]) is None:
            views = self._views[self._part] = self.learner.views(batch)
        if self._dtype is None:
            losses = self._learn(batch, views)
        else:
            with torch.autocast(self.learner.device.type, dtype=self._dtype):
                losses = self._learn(batch, views)
        self._terms.update(losses.terms)
        return losses

    def total(self, losses: Losses) -> Tensor:
        """The weighted sum of the terms."""
        return losses.total(self._weights)

    def backward(self, loss: Tensor, *, retain_graph: bool = False) -> None:
        """Add a loss's gradients to `.grad`; processes average at the last part."""
        if len(self._batch) > 1:
            loss = loss / len(self._batch)
        if self._scaled:
            loss = self.scaler.scale(loss)
        loss.backward(retain_graph=retain_graph)

    def parameters(self, player: str = "main") -> Sequence[nn.Parameter]:
        """The parameters of one player."""
        return self._owned[player]

    def shared(self) -> Sequence[nn.Parameter]:
        """Those of `main`'s parameters that lie in the encoders."""
        inside = {id(p) for p in self.learner.encoders.parameters()}
        return [p for p in self._owned.get("main", ()) if id(p) in inside]

    def gradients(self, loss: Tensor, *, player: str = "main") -> list[Tensor]:
        """One loss's gradients, averaged over processes; zeros where it does not reach."""
        found = torch.autograd.grad(
            loss, self._owned[player], retain_graph=True, allow_unused=True, materialize_grads=True
        )
        average(found)
        return list(found)

    def step(self, player: str = "main") -> None:
        """Clip, step and clear one player."""
        owned, optimizer = self._owned[player], self.optimizers[player]
        if not self._plain:
            average([parameter.grad for parameter in owned])
        if self._clip is not None:
            self.scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(owned, self._clip)
        if self._scaled:
            self.scaler.step(optimizer)
            self.scaler.update()
        else:
            optimizer.step()
        for parameter in owned:
            parameter.grad = None

    def _schedule(self, values: Mapping[str, float]) -> None:
        rate, decay = values.get("lr_factor", 1.0), values.get("weight_decay_factor", 1.0)
        for player, optimizer in self.optimizers.items():
            own = rate * values.get(f"{player}.lr_factor", 1.0)
            for group, (lr, weight_decay) in zip(
                optimizer.param_groups, self._base[player], strict=True
            ):
                group["lr"], group["weight_decay"] = lr * own, weight_decay * decay
        weights = {n[len(_WEIGHT) :]: v for n, v in values.items() if n.startswith(_WEIGHT)}
        self._weights = {**self._base_weights, **weights} if weights else self._base_weights

    def follows(self) -> frozenset[str]:
        """Names of the scheduled values that the engine itself reads."""
        rates = {f"{player}.lr_factor" for player in self.players}
        teachers = {f"{teacher}.momentum" for teacher in self.learner.teachers}
        weights = {_WEIGHT + term for term in self._terms}
        return frozenset({"lr_factor", "weight_decay_factor"} | rates | teachers | weights)

    def release(self) -> None:
        """The stage is over: make trainable again what this one froze."""
        self._locked.release()
        self._selection.release()

    def _check_players(self, settings: Training) -> None:
        if unknown := set(settings.optimizers) - set(self._owned):
            raise ValueError(
                f"optimizers: {sorted(unknown)} are no players of "
                f"{type(self.learner.objective).__name__}; it has: {', '.join(self._owned)}"
            )

    def _check_plan(self, settings: Training) -> None:
        plan = type(self.plan).__name__
        weights = [*settings.weights, *(n for n in settings.schedules if n.startswith(_WEIGHT))]
        if isinstance(self.plan, PerLoss) and weights:
            raise ValueError(f"weights: the update plan {plan} weighs the terms itself")
        if not self._plain and settings.accumulate > 1:
            raise ValueError(f"accumulate: the update plan {plan} needs the whole batch at once")
        if not self._plain and settings.precision == "fp16":
            raise ValueError(f"precision: the update plan {plan} cannot scale losses; use bf16")


def finite(parameters: Iterable[nn.Parameter]) -> bool:
    """Whether all weights are numbers; reads back from the device, so not for every step."""
    norms = torch._foreach_norm([p.detach() for p in parameters if p.is_floating_point()])
    return bool(torch.stack([norm.float() for norm in norms]).isfinite().all())


def _players(learner: Learner) -> dict[str, list[nn.Parameter]]:
    """Trainable parameters by player; what belongs to none is `main`'s."""
    named = {player: list(ps) for player, ps in learner.objective.players().items()}
    taken = {id(p) for player, ps in named.items() if player != "main" for p in ps}
    main = [p for p in learner.parameters() if p.requires_grad and id(p) not in taken]
    others = {
        player: [p for p in ps if p.requires_grad]
        for player, ps in named.items()
        if player != "main"
    }
    return ({"main": main} if main else {}) | others
