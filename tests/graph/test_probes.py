"""Probes of graphs choose on validation nodes, never on test ones."""

from __future__ import annotations

import pytest
import torch
from tests.graph.toys import communities, seeded
from torch import Tensor

from tacit_graph.data import GraphConfig, ready
from tacit_graph.probes import (
    NodeParts,
    NodeProbeConfig,
    clustering,
    graph_classification,
    hold_out_links,
    link_prediction,
    node_classification,
)

LABELS = torch.arange(90) % 3
APART = torch.nn.functional.one_hot(LABELS, 3).float() + 0.3 * torch.randn(
    90, 3, generator=seeded()
)


def parts() -> NodeParts:
    return NodeParts.drawn(90, seeded(), train=0.2)


def test_separable_nodes_are_told_apart_and_noise_is_not() -> None:
    good = node_classification(APART, LABELS, parts(), generator=seeded())
    noise = torch.randn(90, 3, generator=seeded(1))
    assert good.test > 0.85
    assert node_classification(noise, LABELS, parts(), generator=seeded()).test < 0.6


def test_nothing_of_the_test_nodes_decides_what_is_chosen() -> None:
    where = parts()
    swapped = torch.where(where.test, (LABELS + 1) % 3, LABELS)
    a, b = (node_classification(APART, y, where, generator=seeded()) for y in (LABELS, swapped))
    assert (a.decay, a.validation) == (b.decay, b.validation)
    assert b.test < a.test


def test_features_divided_by_their_length_are_told_by_their_direction() -> None:
    config = NodeProbeConfig(unit=True)
    scales = torch.rand(90, 1, generator=seeded(2)).exp()
    a, b = (
        node_classification(x, LABELS, parts(), generator=seeded(), config=config)
        for x in (APART, APART * scales)
    )
    assert (a.test, a.validation) == (b.test, b.validation)


def test_parts_that_overlap_or_are_empty_are_refused() -> None:
    some = torch.tensor([True, False, False])
    with pytest.raises(ValueError, match="some nodes are in two of them"):
        NodeParts(train=some, validation=some, test=~some)
    with pytest.raises(ValueError, match="wanted nodes to train"):
        NodeParts(train=some, validation=some & ~some, test=~some)
    with pytest.raises(ValueError, match="no train, val and test mask"):
        NodeParts.of(communities()[0])


def test_missing_labels_are_refused_by_every_probe() -> None:
    calls = (
        lambda: node_classification(APART, None, parts(), generator=seeded()),
        lambda: graph_classification(APART, None),
        lambda: clustering(APART, None),
    )
    for call in calls:
        with pytest.raises(ValueError, match="no labels"):
            call()
    with pytest.raises(ValueError, match="labels below 0"):
        node_classification(APART, LABELS - 1, parts(), generator=seeded())
    with pytest.raises(ValueError, match="wanted 10 graphs of a class; got 1"):
        graph_classification(APART, torch.arange(90))
    with pytest.raises(ValueError, match="decays"):
        NodeProbeConfig(decays=())


def test_graphs_are_classified_over_folds_and_clustered() -> None:
    assert graph_classification(APART, LABELS, strengths=(0.1, 1.0)) > 0.85
    found = clustering(APART, LABELS)
    assert found["nmi"] > 0.6
    assert clustering(torch.randn(90, 3, generator=seeded(2)), LABELS)["nmi"] < 0.2


def test_held_out_links_are_not_in_the_graph_that_is_trained_on() -> None:
    graph = ready(communities()[0], GraphConfig())
    links = hold_out_links(graph, test=0.3, seed=0)

    def pairs(index: Tensor) -> set[tuple[int, ...]]:
        return {tuple(sorted(pair)) for pair in index.t().tolist()}

    whole, left = pairs(graph.edge_index), pairs(links.graph.edge_index)
    test = pairs(links.test[:, links.test_labels == 1])
    assert test <= whole
    assert not test & left
    assert not pairs(links.test[:, links.test_labels == 0]) & whole
    assert int(links.test_labels.sum()) * 2 == len(links.test_labels)
    known = torch.nn.functional.one_hot(graph.y).float()
    assert link_prediction(known, links)["auc"] > 0.65
    again = hold_out_links(graph, test=0.3, seed=0)
    assert torch.equal(again.test, links.test)
    with pytest.raises(ValueError, match="below 1 together"):
        hold_out_links(graph, validation=0.5, test=0.6)
