"""Labels where there are some, beside pretext tasks that need none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import global_mean
from tacit.functional.precision import full, no_autocast
from tacit.nn import BalanceConfig, Fixed, HeadKind, build_head, head_needs
from tacit.objectives.instances import answers
from tacit.objectives.pretext import ORDER, Pretext, PretextConfig
from tacit.objectives.several import Several

WHOLE = "whole"
"""The role of views whose pieces are in order."""


@dataclass(frozen=True, kw_only=True)
class LabelledConfig:
    """Settings of labels.

    Args:
        classes: how many there are.
        entropy: weight of the entropy of what is told of instances without a label, those of -1;
            the paper's is 0.1 where it adapts to them.
        classifier: `linear`, of pooled vectors; `own`, the decoder that the encoder's spec makes,
            which for some encoders is one layer of the encoder's own kind.

    Raises:
        ValueError: fewer than two classes, or a negative weight.
    """

    classes: int
    entropy: float = 0.1
    classifier: HeadKind = "linear"

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise ValueError(f"classes: wanted at least 2; got {self.classes}")
        if self.entropy < 0:
            raise ValueError(f"entropy: wanted at least 0; got {self.entropy}")


class Labelled(Objective):
    """Cross-entropy of the labels there are; certainty, whichever, where there is none.

    Of views in several orders, those with the role `whole` are asked alone.

    Source: Bucci et al. 2021 (arXiv 2007.12368) section 3, eq. 1 and 3.
    """

    Config = LabelledConfig

    def __init__(self, config: LabelledConfig) -> None:
        super().__init__()
        self.config = config
        self.classifier = nn.ModuleDict()
        self.requires = Requirements(labels=True, capabilities=head_needs(config.classifier))

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A classifier for each modality."""
        for name, spec in specs.items():
            self.classifier[name] = build_head(self.config.classifier, spec, self.config.classes)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """Both terms of each modality, over its views."""
        label = self.checked(ctx.labels())
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            own = views.of(name)
            asked = own.by_role(WHOLE) or own
            wanted = [label if view.rows is None else label[view.rows] for view in asked]
            found = self.told(answers(self.classifier[name], asked, ctx), torch.cat(wanted))
            terms |= {f"{key}{suffix}": value for key, value in found.terms.items()}
            metrics |= {f"{key}{suffix}": value for key, value in found.metrics.items()}
        return Losses(terms=terms, metrics=metrics)

    def checked(self, label: Tensor) -> Int[Tensor, " instances"]:
        """The labels, if they are classes.

        Raises:
            ValueError: numbers, or more classes than set. On an accelerator the latter fails inside
                the device queue, for the host does not wait for it.
        """
        if label.is_floating_point():
            raise ValueError(f"wanted labels that are classes, as integers; got {label.dtype}")
        classes = self.config.classes
        if label.device.type != "cpu":
            torch._assert_async((label < classes).all(), "a label is not among the classes set")
        elif (most := int(label.max())) >= classes:
            raise ValueError(
                f"classes: wanted labels below {classes}, or -1 where there is none; got {most}: "
                f"set classes={most + 1} of the labels' settings"
            )
        return label

    def told(self, logits: Tensor, label: Int[Tensor, " rows"]) -> Losses:
        """The terms of what is told of rows."""
        known = label >= 0
        with no_autocast(logits):
            chances = full(logits).log_softmax(1)
            error = functional.nll_loss(chances, label.clamp_min(0), reduction="none")
            entropy = -(chances.exp() * chances).sum(1)
            unknown = global_mean((entropy * ~known).sum(), (~known).sum())
            terms = {
                "classification": global_mean((error * known).sum(), known.sum()),
                "entropy": self.config.entropy * unknown,
            }
            right = ((chances.argmax(1) == label) & known).to(chances.dtype).sum()
            return Losses(terms=terms, metrics={"accuracy": global_mean(right, known.sum())})


@dataclass(frozen=True, kw_only=True)
class JointPretextConfig:
    """Settings of labels and pretext tasks together.

    Args:
        labelled: of the labels.
        pretext: the tasks the views ask; the order of pieces, as in the paper, or any other.
        balance: how the two are weighed; the paper's fixed weight of the task is 0.7 (as the run's
            `weights`).
    """

    labelled: LabelledConfig
    pretext: PretextConfig = PretextConfig(tasks=(ORDER,))
    balance: BalanceConfig = Fixed()


class JointPretext(Several):
    """Labels of some instances and a pretext task on all: across domains, or with few labels.

    Instances without a label have -1; they enter the pretext task and the entropy alone.

    Source: Bucci et al. 2021 (arXiv 2007.12368) eq. 1; Carlucci et al. 2019 (arXiv 1903.06864).
    Differs: the choice of orders and instances for partial and predictive adaptation is left out.
    """

    Config = JointPretextConfig

    def __init__(self, config: JointPretextConfig) -> None:
        tasks = {"labels": Labelled(config.labelled), "pretext": Pretext(config.pretext)}
        super().__init__(tasks, config.balance)
        self.config = config
