"""Probes of graphs as their papers have them; none chooses anything on a test set.

`tacit evaluate` has the probes of all modalities; these are for the protocols graphs are compared
by. All take embeddings, so that raw features and random encoders go the same way.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class NodeProbeConfig:
    """Settings of the node probe.

    Args:
        decays: weight decays to try; the one that is best on the validation nodes is kept.
        lr: learning rate of Adam.
        epochs: steps on all training nodes at once; the last one counts.
        unit: whether each node's features are divided by their length first, as in the protocol of
            GRACE, whose loss looks at directions alone.

    Raises:
        ValueError: nothing to try, or numbers out of range.
    """

    decays: tuple[float, ...] = (1e-4, 5e-4, 1e-3, 1e-2)
    lr: float = 1e-2
    epochs: int = 1000
    unit: bool = False

    def __post_init__(self) -> None:
        if not self.decays or min(self.decays) < 0:
            raise ValueError(f"decays: wanted at least one, none below 0; got {self.decays}")
        if self.lr <= 0 or self.epochs < 1:
            raise ValueError(f"wanted lr above 0 and epochs; got {self.lr} and {self.epochs}")


@dataclass(frozen=True, kw_only=True)
class NodeScore:
    """What a node probe found, as shares of nodes that were right.

    Attributes:
        test: on the test nodes.
        validation: on the validation nodes, of the decay chosen there.
        decay: that decay.
    """

    test: float
    validation: float
    decay: float


@dataclass(frozen=True, kw_only=True)
class NodeParts:
    """Which nodes are fitted on, chosen on and measured on; no node is in two of them.

    Raises:
        ValueError: an empty part, or nodes in two parts.
    """

    train: Bool[Tensor, " nodes"]
    validation: Bool[Tensor, " nodes"]
    test: Bool[Tensor, " nodes"]

    def __post_init__(self) -> None:
        parts = torch.stack([self.train, self.validation, self.test])
        if not bool(parts.any(1).all()):
            raise ValueError("parts: wanted nodes to train, to choose and to test on; got none")
        if bool((parts.sum(0) > 1).any()):
            raise ValueError("parts: some nodes are in two of them")

    @classmethod
    def of(cls, graph: Any) -> NodeParts:
        """The parts a graph brings.

        Raises:
            ValueError: it brings none, or as `NodeParts`.
        """
        found = [getattr(graph, f"{part}_mask", None) for part in ("train", "val", "test")]
        masks = [mask for mask in found if isinstance(mask, Tensor)]
        if len(masks) < len(found):
            raise ValueError("parts: the graph has no train, val and test mask: draw random ones")
        return cls(train=masks[0], validation=masks[1], test=masks[2])

    @classmethod
    def drawn(cls, nodes: int, generator: Generator, *, train: float = 0.1) -> NodeParts:
        """Nodes drawn at random: a share to train, as many to choose on, the rest to test."""
        order = torch.randperm(nodes, generator=generator)
        first = max(1, round(train * nodes))
        sizes = [first, first, nodes - 2 * first]
        parts = [
            torch.zeros(nodes, dtype=torch.bool).index_fill(0, part, True)
            for part in order.split(sizes)
        ]
        return cls(train=parts[0], validation=parts[1], test=parts[2])


def node_classification(
    features: Float[Tensor, "nodes width"],
    labels: Int[Tensor, " nodes"] | None,
    parts: NodeParts,
    *,
    generator: Generator,
    config: NodeProbeConfig | None = None,
) -> NodeScore:
    """Logistic regression by Adam on the training nodes.

    Args:
        features: embeddings or raw features.
        labels: class of every node.
        parts: which nodes are fitted on, chosen on and measured on.
        generator: of the first weights.
        config: settings.

    Raises:
        ValueError: no labels, or some below 0 in a part.

    Source: the protocol of GraphMAE (THUDM/GraphMAE, graphmae/evaluation.py), last epoch. Differs:
    the weight decay is chosen on the validation nodes, where the authors set it for each data set.
    """
    config = config or NodeProbeConfig()
    features = functional.normalize(features, dim=1) if config.unit else features
    if labels is None:
        raise ValueError("node_classification: the graph has no labels: name where they are")
    used = parts.train | parts.validation | parts.test
    if int(labels[used].min()) < 0:
        raise ValueError("node_classification: labels below 0: leave unlabelled nodes out of parts")
    classes = int(labels[used].max()) + 1
    found = []
    for decay in config.decays:
        logits = _fit(features.detach(), labels, parts.train, classes, decay, generator, config)
        right = (logits.argmax(1) == labels).float()
        found.append(
            NodeScore(
                test=float(right[parts.test].mean()),
                validation=float(right[parts.validation].mean()),
                decay=decay,
            )
        )
    return max(found, key=lambda score: score.validation)


def _fit(
    features: Tensor,
    labels: Tensor,
    train: Tensor,
    classes: int,
    decay: float,
    generator: Generator,
    config: NodeProbeConfig,
) -> Float[Tensor, "nodes classes"]:
    """The logits of all nodes after the last epoch."""
    bound = features.shape[1] ** -0.5
    weight = torch.empty(classes, features.shape[1]).uniform_(-bound, bound, generator=generator)
    weight, bias = weight.requires_grad_(), torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], lr=config.lr, weight_decay=decay, fused=True)
    inputs, wanted = features[train], labels[train]
    with torch.enable_grad():
        for _ in range(config.epochs):
            loss = functional.cross_entropy(functional.linear(inputs, weight, bias), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return functional.linear(features, weight, bias).detach()


def graph_classification(
    features: Float[Tensor, "graphs width"],
    labels: Int[Tensor, " graphs"] | None,
    *,
    folds: int = 10,
    strengths: Sequence[float] = (1e-3, 1e-2, 1e-1, 1.0, 10.0),
    seed: int = 0,
) -> float:
    """Mean accuracy of a support vector machine over folds; its strength is chosen within each.

    Args:
        features: of every graph.
        labels: class of every graph.
        folds: parts, each of which is once the test set.
        strengths: of the margin's penalty `C`, chosen by cross-validation on a fold's training set.
        seed: of the folds.

    Raises:
        ValueError: no labels, or fewer graphs of a class than folds.

    Source: the protocol of GraphMAE (THUDM/GraphMAE, main_graph.py), after InfoGraph: `SVC` of
    scikit-learn with its default kernel, ten stratified folds.
    """
    from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
    from sklearn.svm import SVC

    if labels is None:
        raise ValueError("graph_classification: the graphs have no labels: name where they are")
    fewest = int(labels.unique(return_counts=True)[1].min())
    if fewest < folds:
        raise ValueError(f"graph_classification: wanted {folds} graphs of a class; got {fewest}")
    outer = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    search = GridSearchCV(SVC(), {"C": list(strengths)}, cv=5)
    found = cross_val_score(search, features.detach().numpy(), labels.numpy(), cv=outer)
    return float(np.mean(found))


def clustering(
    features: Float[Tensor, "instances width"],
    labels: Int[Tensor, " instances"] | None,
    *,
    seed: int = 0,
) -> dict[str, float]:
    """k-means with as many clusters as classes, compared with them: `nmi` and `ari`.

    Raises:
        ValueError: no labels.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    if labels is None:
        raise ValueError("clustering: there are no labels to compare clusters with")
    count = len(labels.unique())
    found = KMeans(count, n_init=10, random_state=seed).fit_predict(features.detach().numpy())
    return {
        "nmi": float(normalized_mutual_info_score(labels.numpy(), found)),
        "ari": float(adjusted_rand_score(labels.numpy(), found)),
    }


@dataclass(frozen=True, kw_only=True)
class Links:
    """A graph without some of its edges, and pairs to tell apart.

    Attributes:
        graph: to train and to embed on; it holds neither the validation nor the test edges.
        validation: pairs of nodes.
        validation_labels: 1 where they are joined in the whole graph.
        test: likewise.
        test_labels: likewise.
    """

    graph: Any
    validation: Int[Tensor, "2 pairs"]
    validation_labels: Int[Tensor, " pairs"]
    test: Int[Tensor, "2 more"]
    test_labels: Int[Tensor, " more"]


def hold_out_links(
    graph: Any, *, validation: float = 0.05, test: float = 0.1, seed: int = 0
) -> Links:
    """Take a share of the undirected edges out, with both directions, beside as many random pairs.

    Raises:
        ValueError: shares that leave no edge, or take none.

    Source: PyG's `RandomLinkSplit`.
    """
    from torch_geometric.seed import seed_everything
    from torch_geometric.transforms import RandomLinkSplit

    if not 0 < validation + test < 1 or min(validation, test) <= 0:
        raise ValueError(f"shares: wanted above 0, below 1 together; got {validation} and {test}")
    # PyG draws from all three global generators: they are set for it, and put back as they were.
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        seed_everything(seed)
        split = RandomLinkSplit(
            validation, test, is_undirected=True, add_negative_train_samples=False
        )
        train, held, last = split(graph)
    random.setstate(states[0])
    np.random.set_state(states[1])
    return Links(
        graph=train,
        validation=held.edge_label_index,
        validation_labels=held.edge_label.long(),
        test=last.edge_label_index,
        test_labels=last.edge_label.long(),
    )


def link_prediction(features: Float[Tensor, "nodes width"], links: Links) -> dict[str, float]:
    """How well the cosine of two nodes tells edges held out from random pairs: `auc` and `ap`.

    Args:
        features: of the nodes of `links.graph`, by an encoder trained on it.
        links: see `hold_out_links`.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    unit = functional.normalize(features.detach().float(), dim=1)
    source, target = links.test
    scores = (unit[source] * unit[target]).sum(1).numpy()
    wanted = links.test_labels.numpy()
    return {
        "auc": float(roc_auc_score(wanted, scores)),
        "ap": float(average_precision_score(wanted, scores)),
    }
