"""Where a probe taps a run: the encoder, one of its layers, or behind a head of the objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from tacit.api.plan import Plan
from tacit.contract import DataInfo, Encoder, Encoding, Mask, Tokens
from tacit.evaluation import Tap
from tacit.methods.learner import knowing_tasks
from tacit.nn import InstanceHead

PREFIX = "objective."
"""Of the objective's weights among a learner's."""


class Headed(Encoder):
    """An encoder with one of its objective's heads behind it: `pooled` is what the head makes.

    Args:
        encoder: trained or random.
        head: takes pooled vectors; an `InstanceHead`, the encoding and the tokens it was made of.
    """

    def __init__(self, encoder: Encoder, head: nn.Module) -> None:
        super().__init__()
        self.spec, self.encoder, self.head = encoder.spec, encoder, head

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """The head's answer."""
        if isinstance(self.head, InstanceHead):
            tokens = value if isinstance(value, Tokens) else self.encoder.tokenize(value)
            encoding = self.encoder(tokens, mask=mask, taps=taps)
            return Encoding(pooled=self.head(encoding, tokens))
        pooled: Tensor = self.head(self.encoder(value, mask=mask, taps=taps).pooled)
        return Encoding(pooled=pooled)


def place(tap: str | int) -> tuple[Tap, str | None]:
    """Where to tap the encoder, and behind which head, from what a user wrote.

    `pooled` and `tokens` are the encoder's, a number is a layer of it; any other word names a head.
    """
    if isinstance(tap, int) or tap.isdigit():
        return int(tap), None
    if tap == "pooled":
        return "pooled", None
    if tap == "tokens":
        return "tokens", None
    return "pooled", tap


def head_of(
    plan: Plan,
    modality: str,
    name: str,
    encoders: Mapping[str, Encoder],
    weights: Mapping[str, Tensor] | None = None,
) -> nn.Module:
    """A head of the objective of a run's last stage, in evaluation mode.

    Args:
        plan: the run's parts.
        modality: whose head.
        name: of the head within the objective, such as `projector`; where the objective is a sum,
            of the first task that has one, or `tasks.<task>.<head>`.
        encoders: of the run; the head is built for them.
        weights: those of a learner; random ones if None.

    Raises:
        ValueError: the objective has no such head; says which it has.
    """
    heads = heads_of(plan, modality, encoders)
    at = name if name in heads else next((n for n in heads if n.endswith(f".{name}")), None)
    if at is None:
        raise ValueError(
            f"tap: {plan.method.name} has no head {name!r} for {modality}; wanted pooled, tokens, "
            f"the number of a layer, or one of: {', '.join(heads) or 'no head'}"
        )
    head = heads[at]
    if weights is not None:
        prefix = f"{PREFIX}{at}.{modality}."
        found = {k[len(prefix) :]: v for k, v in weights.items() if k.startswith(prefix)}
        head.load_state_dict(found)
    return head.eval()


def heads_of(plan: Plan, modality: str, encoders: Mapping[str, Encoder]) -> dict[str, nn.Module]:
    """Heads of the objective of a run's last stage, and of the tasks it may be the sum of; random.

    Args:
        plan: the run's parts.
        modality: whose heads.
        encoders: of the run; the heads are built for them.
    """
    objective = plan.stages[-1].build_objective()
    data = knowing_tasks(DataInfo(), plan.stages[-1].augmentations())
    objective.build({n: e.spec for n, e in encoders.items()}, data)
    return {
        name: heads[modality]
        for name, heads in objective.named_modules()
        if isinstance(heads, nn.ModuleDict) and modality in heads
    }
