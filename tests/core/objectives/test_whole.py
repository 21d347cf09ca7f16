"""Objectives that look at all views at once: CCA, LeJEPA, SwAV and DeepCluster."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tests.core.needs.toys import Make, engine
from tests.core.objectives.setting import HEAD, make, two_views
from tests.core.toys import PoolEncoder
from torch import nn

from tacit.contract import DataInfo, View, Views
from tacit.functional import eckart_young
from tacit.objectives import (
    CanonicalCorrelation,
    CanonicalCorrelationConfig,
    DeepCluster,
    DeepClusterConfig,
    LeJepa,
    LeJepaConfig,
    Swav,
    SwavConfig,
)


def test_canonical_correlation_joins_modalities_in_one_term() -> None:
    setting = make("ssl-ey", modalities=("signal", "other"))
    views = Views([two_views()[0], two_views(modality="other", seed=1)[0]])
    found = setting.losses(views).terms
    embeddings = [
        setting.head("projector", view.modality)(setting.context().encode(view).pooled)
        for view in views
    ]
    torch.testing.assert_close(found["eckart_young"], eckart_young(embeddings).loss)


def test_lejepa_draws_every_view_to_the_mean_of_the_global_ones() -> None:
    setting = make("lejepa")
    first, second, third = two_views(count=3)
    roles = [dataclasses.replace(v, role="global") for v in (first, second)]
    views = Views([*roles, dataclasses.replace(third, role="local")])
    terms = setting.losses(views).terms
    context, head = setting.context(), setting.head("projector")
    encodings = [*context.encode_each(views[:2], joint=True), context.encode(views[2])]
    embedded = [head(encoding.pooled) for encoding in encodings]
    centre = (embedded[0] + embedded[1]) / 2
    apart = torch.stack([(each - centre).square().mean() for each in embedded]).mean()
    torch.testing.assert_close(terms["agreement"], 0.95 * apart)


def test_swav_queues_what_a_step_embedded_once_the_step_is_over() -> None:
    setting = make("swav")
    queue = setting.objective.get_submodule("queues.signal")
    before = queue.get_buffer("values").clone()
    setting.losses(two_views())
    torch.testing.assert_close(queue.get_buffer("values"), before)
    setting.objective.after_step(setting.context())
    assert int((queue.get_buffer("values") != before).any(1).sum()) == 8


def test_swav_s_queue_changes_the_assignments() -> None:
    setting = make("swav")
    objective = setting.objective
    assert isinstance(objective, Swav)
    without = Swav(dataclasses.replace(objective.config, queue_epochs=1))
    without.build({"signal": PoolEncoder().spec}, DataInfo())
    without.load_state_dict(objective.state_dict())
    own = setting.losses(two_views()).terms["prediction"]
    other = without(two_views(), setting.context()).terms["prediction"]
    assert not torch.allclose(own, other)


def test_swav_s_frozen_prototypes_get_a_gradient_of_zero() -> None:
    setting = make("swav")
    objective = setting.objective
    assert isinstance(objective, Swav)
    objective.config = dataclasses.replace(objective.config, frozen_epochs=1)
    setting.losses(two_views()).total().backward()
    weight = objective.get_parameter("projector.signal.prototypes.weight")
    assert weight.grad is not None
    assert float(weight.grad.abs().max()) == 0


def clustering(clusters: tuple[int, ...] = (3, 2)) -> DeepCluster:
    return DeepCluster(DeepClusterConfig(clusters=clusters, projector=HEAD))


def test_deep_cluster_trains_towards_the_clusters_of_the_epoch() -> None:
    objective = clustering()
    noisy = Make(
        lambda value, generator: [
            View(value=value + 0.1 * torch.randn(value.shape, generator=generator))
            for _ in range(2)
        ],
        roles=2,
    )
    engine(objective, views={"signal": noisy}).run()
    clusters = objective.clusters("signal")
    assert clusters.label.shape[1] == 2
    assert [int(column.max()) < size for column, size in zip(clusters.label.T, (3, 2), strict=True)]
    lengths = clusters.get_buffer("centres").norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(5))
    assert len(set(clusters.label[:, 0].tolist())) > 1


def test_a_row_s_error_is_the_cross_entropy_to_its_own_cluster() -> None:
    objective = clustering((2,))
    objective.build({"signal": PoolEncoder().spec}, DataInfo(instances=4))
    clusters = objective.clusters("signal")
    rows = nn.functional.normalize(torch.randn(4, 6, generator=torch.Generator().manual_seed(0)))
    clusters.fit(rows, 5, seed=0)
    (found,) = clusters.errors(rows[[2, 0]], torch.tensor([2, 0]), 0.5)
    scores = rows[[2, 0]] @ clusters.get_buffer("centres").T / 0.5
    wanted = -scores.log_softmax(1)[torch.arange(2), clusters.label[[2, 0], 0]]
    torch.testing.assert_close(found, wanted)


def test_more_clusters_than_instances_are_refused() -> None:
    with pytest.raises(ValueError, match="at most one an instance, 4; got 9"):
        clustering((9,)).build({"signal": PoolEncoder().spec}, DataInfo(instances=4))


@pytest.mark.parametrize(
    ("make_config", "message"),
    [
        (lambda: SwavConfig(sharpness=0.0), "sharpness"),
        (lambda: SwavConfig(iterations=0), "iterations"),
        (lambda: SwavConfig(queue=-1), "queue"),
        (lambda: DeepClusterConfig(clusters=()), "clusters"),
        (lambda: DeepClusterConfig(temperature=0.0), "temperature"),
        (lambda: LeJepaConfig(gaussianity=1.0), "gaussianity"),
    ],
)
def test_settings_that_mean_nothing_are_refused(make_config: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_config()  # type: ignore[operator]


def test_halves_ask_for_four_instances() -> None:
    assert CanonicalCorrelation().requires.batch == 2
    halves = CanonicalCorrelation(CanonicalCorrelationConfig(halves=True))
    assert halves.requires.batch == 4
    assert LeJepa().requires.views == 2
