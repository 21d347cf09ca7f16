"""SS-GCNs: the labels of some nodes, and a task on all nodes that needs none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from tacit.contract import Objective
from tacit.nn import (
    BalanceConfig,
    Fixed,
    HeadKind,
    InputTarget,
    LinearDecoder,
    MeanSquared,
    OwnDecoder,
    RandomMask,
)
from tacit.objectives import (
    Labelled,
    LabelledConfig,
    MaskedPrediction,
    MaskedPredictionConfig,
    Several,
)
from tacit_graph.objectives.made_labels import (
    Clustering,
    ClusteringConfig,
    Partition,
    PartitionConfig,
)


@dataclass(frozen=True, kw_only=True)
class CompletionConfig:
    """Settings of graph completion.

    Args:
        ratio: share of the nodes that are hidden, in (0, 1).
        normalise: whether each node's features are standardised, so that the error of a prediction
            that knows nothing is 1 however sparse they are.
    """

    kind: ClassVar[str] = "completion"
    ratio: float = 0.5
    normalise: bool = True

    def masked(self, head: HeadKind = "linear") -> MaskedPredictionConfig:
        """The masked prediction this is: hidden features told from those around, by squared error.

        Args:
            head: linear, or of the encoder's own kind, behind a linear map as in GraphMAE.

        Source: You et al. 2020 (arXiv 2006.09136) section 3.3, graph completion; Shen-Lab/SS-GCNs,
        main_comp.py. Differs: whole features are told of a share of the nodes, which enter as one
        learned vector; the code has 48 singular vectors of them told of all nodes at once, by
        absolute error, from a graph without self-loops, where a node's own features come back by
        way of its neighbours.
        """
        return MaskedPredictionConfig(
            mask=RandomMask(ratio=self.ratio),
            mode="replace",
            target=InputTarget(normalise=self.normalise),
            decoder=OwnDecoder(remask=False) if head == "own" else LinearDecoder(),
            loss=MeanSquared(),
        )


SsGcnTask: TypeAlias = PartitionConfig | ClusteringConfig | CompletionConfig


@dataclass(frozen=True, kw_only=True)
class SsGcnConfig:
    """Settings of SS-GCNs.

    Args:
        labelled: of the labels; Cora has 7 classes. Nodes without a label have no loss of it.
            `labelled.classifier` is the kind of the task's head too: with `own` both are one more
            graph layer, so that an encoder of one layer makes a GCN of two.
        task: what all nodes are asked: `partition`, `clustering` or `completion`.
        balance: how the two are weighed; the authors' weights are the run's `weights`, such as
            `{labels = 0.7, task = 0.3}` for partitions of Cora.
    """

    labelled: LabelledConfig = LabelledConfig(classes=7, entropy=0.0, classifier="own")
    task: SsGcnTask = PartitionConfig()
    balance: BalanceConfig = Fixed()


class SsGcn(Several):
    """Labels of the training nodes and a self-supervised task on all, learnt together.

    Which labels are told is up to the data (`labelled` of `tacit_graph.data.NodesConfig`): the
    others are -1 in training.

    Source: You et al. 2020 (arXiv 2006.09136) eq. 5; Shen-Lab/SS-GCNs, main_par.py and its
    companions, net.py: the last graph layer is the classifier, and the task has another beside it.
    Differs: layers have a bias; features are dropped out before every layer, where the code does
    before the last alone, and before the first with one draw for both, but for completion; the
    number of epochs is set, where the code stops by the loss of the validation nodes.
    """

    Config = SsGcnConfig

    def __init__(self, config: SsGcnConfig | None = None) -> None:
        config = config or SsGcnConfig()
        tasks = {
            "labels": Labelled(config.labelled),
            "task": _task(config.task, config.labelled.classifier),
        }
        super().__init__(tasks, config.balance)
        self.config = config


def _task(config: SsGcnTask, head: HeadKind) -> Objective:
    if isinstance(config, PartitionConfig):
        return Partition(config, head)
    if isinstance(config, ClusteringConfig):
        return Clustering(config, head)
    return MaskedPrediction(config.masked(head))
