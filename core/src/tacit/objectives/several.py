"""Several objectives on the same views, as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Objective,
    OneStep,
    Requirements,
    UpdatePlan,
    Views,
)
from tacit.nn.balance import Balance, BalanceConfig, plan_of


class Several(Objective):
    """Tasks that share the encoders: each has heads of its own, and its total is one term.

    What several tasks encode alike is encoded once. Weights are fixed, learnt or min-norm, by
    `balance`. A method of several tasks is a subclass with a configuration:

        class Mine(Several):
            def __init__(self, config: MineConfig) -> None:
                super().__init__(
                    {"near": SimClr(config.near), "whole": MaskedPrediction(config.whole)},
                    config.balance,
                )

    Args:
        tasks: name to objective; the names are those of the terms.
        balance: how their losses are weighed.
        roles: of a task, the roles of the views it sees; the others see all views.

    Raises:
        ValueError: fewer than two tasks, one that has teachers, players, batches or an update of
            its own, which cannot be shared, or roles of a task that there is not.
    """

    def __init__(
        self,
        tasks: Mapping[str, Objective],
        balance: BalanceConfig,
        *,
        roles: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__()
        if len(tasks) < 2:
            raise ValueError(f"tasks: wanted at least two; got {', '.join(tasks) or 'none'}")
        for name, task in tasks.items():
            _refuse_own_ways(name, task)
        self.roles = {name: tuple(each) for name, each in (roles or {}).items()}
        if unknown := self.roles.keys() - tasks.keys():
            raise ValueError(f"roles: no task {', '.join(sorted(unknown))}: {', '.join(tasks)}")
        self.tasks = nn.ModuleDict(tasks)
        self.balance = Balance(balance, list(tasks))
        self.requires = joint([self._needs(name, task) for name, task in tasks.items()])

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """Every task makes its heads."""
        for _, task in self._each():
            task.build(specs, data)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """One term a task; what a task names itself is logged as `task/term`."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name, task in self._each():
            found: Losses = task(self._seen(name, views), ctx)
            terms[name] = found.total()
            parts = {key: term.detach() for key, term in found.terms.items()}
            metrics |= {f"{name}/{key}": value for key, value in {**parts, **found.metrics}.items()}
        return self.balance(terms, metrics)  # type: ignore[no-any-return]

    def plan(self) -> UpdatePlan:
        """See `Balance.plan`."""
        return plan_of(self.balance.config)

    def before_stage(self, ctx: Context) -> None:
        """Of every task."""
        for _, task in self._each():
            task.before_stage(ctx)

    def before_epoch(self, ctx: Context) -> None:
        """Of every task."""
        for _, task in self._each():
            task.before_epoch(ctx)

    def after_step(self, ctx: Context) -> None:
        """Of every task."""
        for _, task in self._each():
            task.after_step(ctx)

    def _needs(self, name: str, task: Objective) -> Requirements:
        """What a task needs, those of its views said of the roles it sees."""
        own = task.requires
        if name not in self.roles:
            return own
        views = Requirements(views=own.views, most_views=own.most_views)
        return replace(own, views=1, most_views=None, parts=((self.roles[name], views), *own.parts))

    def _seen(self, name: str, views: Views) -> Views:
        """The views a task sees."""
        if name not in self.roles:
            return views
        return Views([view for view in views if view.role in self.roles[name]])

    def _each(self) -> list[tuple[str, Objective]]:
        return [(name, task) for name, task in self.tasks.items() if isinstance(task, Objective)]


def _refuse_own_ways(name: str, task: Objective) -> None:
    own = type(task)
    shared = {
        "teachers": not task.requires.teachers,
        "an update plan": isinstance(task.plan(), OneStep),
        "players": own.players is Objective.players,
        "batches": own.batches is Objective.batches,
    }
    if refused := [what for what, fits in shared.items() if not fits]:
        raise ValueError(
            f"tasks: {name!r} ({own.__name__}) has {' and '.join(refused)} of its own, which "
            "several tasks cannot share: give it a stage of its own"
        )


def joint(needs: Sequence[Requirements]) -> Requirements:
    """What all of them need, together."""
    limits = [need.most_views for need in needs if need.most_views is not None]
    return Requirements(
        views=max(need.views for need in needs),
        most_views=min(limits) if limits else None,
        meta=frozenset().union(*(need.meta for need in needs)),
        capabilities=frozenset().union(*(need.capabilities for need in needs)),
        any_of=tuple(group for need in needs for group in need.any_of),
        mix=any(need.mix for need in needs),
        modalities=max(need.modalities for need in needs),
        labels=any(need.labels for need in needs),
        groups=any(need.groups for need in needs),
        instances=any(need.instances for need in needs),
        batch=max(need.batch for need in needs),
        parts=tuple(part for need in needs for part in need.parts),
    )
