"""Objectives on pairs of views: where gradients go, what they learn, what they refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.core.objectives.setting import (
    AT_ONCE,
    BATCH,
    HEAD,
    OBJECTIVES,
    PAIRED,
    Setting,
    make,
    two_views,
)
from tests.core.toys import PoolEncoder
from torch import Tensor

from tacit.contract import Composition, DataInfo, EncoderSpec, View, Views, unmet
from tacit.functional import barlow_twins, negative_cosine, nt_xent, vicreg
from tacit.nn import MlpConfig
from tacit.objectives import Byol, ByolConfig, SimClr, SimClrConfig, SimSiam, SimSiamConfig

paired = pytest.mark.parametrize("name", PAIRED)


def embed(setting: Setting, views: Views, *, joint: bool) -> list[Tensor]:
    """Encode and project by hand, batch norms in training mode."""
    encoder, projector = setting.encoders["signal"], setting.head("projector")
    sizes = [len(view.value) for view in views]
    if joint:
        whole = projector(encoder(torch.cat([v.value for v in views])).pooled)
        return list(whole.split(sizes))
    return [projector(encoder(view.value).pooled) for view in views]


@paired
def test_every_parameter_of_encoder_and_heads_gets_a_gradient(name: str) -> None:
    setting = make(name)
    setting.losses(two_views()).total().backward()
    for parameter in setting.trained():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("name", ["simclr", "barlow-twins", "vicreg"])
def test_the_loss_is_that_of_the_projected_views(name: str) -> None:
    setting, views = make(name), two_views()
    a, b = embed(make(name), views, joint=name == "simclr")
    wanted = {
        "simclr": lambda: nt_xent(a, b, 0.2).loss,
        "barlow-twins": lambda: 0.025 * barlow_twins(a, b, off_diagonal=0.005).loss,
        "vicreg": lambda: vicreg(a, b).loss,
    }[name]()
    torch.testing.assert_close(setting.losses(views).total(), wanted)


def test_simsiam_stops_the_gradient_of_its_targets() -> None:
    setting, twin, views = make("simsiam"), make("simsiam"), two_views()
    setting.losses(views).total().backward()
    a, b = embed(twin, views, joint=False)
    predictor = twin.head("predictor")
    one, other = predictor(a), predictor(b)
    loss = (negative_cosine(one, b.detach()) + negative_cosine(other, a.detach())) / 2
    loss.backward()
    for own, wanted in zip(setting.trained(), twin.trained(), strict=True):
        torch.testing.assert_close(own.grad, wanted.grad)


def test_byol_is_the_distance_to_the_teachers_projection_which_gets_no_gradient() -> None:
    setting, views = make("byol"), two_views()
    teacher = setting.teachers["teacher"]
    with torch.no_grad():
        for parameter in teacher.parameters():
            parameter.add_(0.1)  # so that it is not the student
    losses = setting.losses(views)
    losses.total().backward()
    assert all(p.grad is None for p in teacher.parameters())
    a, b = embed(make("byol"), views, joint=False)
    predict = make("byol").head("predictor")
    project = teacher.get_submodule("parts.projector.signal")
    targets = [project(teacher.encoders["signal"](view.value).pooled) for view in views]
    pairs = [(predict(a), targets[1]), (predict(b), targets[0])]
    distances = [2 - 2 * torch.cosine_similarity(p, t).mean() for p, t in pairs]
    torch.testing.assert_close(losses.total(), torch.stack(distances).mean())


@pytest.mark.parametrize("name", [name for name in PAIRED if name not in AT_ONCE])
def test_more_views_are_the_mean_over_their_pairs(name: str) -> None:
    setting, views = make(name), two_views(count=3)
    total = setting.losses(views).total()
    if name == "simclr":  # encodes all views as one batch, so pairs alone see other statistics
        a, b, c = embed(make(name), views, joint=True)
        parts = [nt_xent(x, y, 0.2).loss for x, y in ((a, b), (a, c), (b, c))]
    else:
        chosen = ((0, 1), (0, 2), (1, 2))
        parts = [make(name).losses(Views([views[i], views[j]])).total() for i, j in chosen]
    torch.testing.assert_close(total, torch.stack(parts).mean())


@pytest.mark.parametrize("name", [name for name in PAIRED if name != "ssl-ey"])
def test_several_modalities_have_heads_and_terms_of_their_own(name: str) -> None:
    alone = make(name).losses(two_views())
    both = make(name, modalities=("signal", "other"))
    views = Views([*two_views(), *two_views(modality="other", seed=1)])
    terms = both.losses(views).terms
    assert set(terms) == {f"{term}/{m}" for term in alone.terms for m in ("signal", "other")}
    both.losses(views).total().backward()
    assert all(parameter.grad is not None for parameter in both.trained())


@paired
def test_the_loss_falls_and_the_embedding_does_not_collapse(name: str) -> None:
    setting = make(name)
    optimizer = torch.optim.AdamW(setting.trained(), lr=3e-3)
    first = setting.losses(two_views(64)).total().item()
    for step in range(40):
        losses = setting.losses(two_views(64, seed=step + 1))
        optimizer.zero_grad()
        losses.total().backward()
        optimizer.step()
        for teacher in setting.teachers.values():
            teacher.update(setting.encoders, setting.parts(), 0.9)
    last = setting.losses(two_views(64))
    assert last.total().item() < first
    assert last.metrics["deviation"] > 0.3


@paired
def test_metrics_tell_collapse_from_health_and_carry_no_gradient(name: str) -> None:
    views = two_views()
    healthy = make(name).losses(views).metrics
    alike = Views([replace(view, value=views[0].value) for view in views])
    collapsed = make(name)
    head = collapsed.head("projector")
    last = [m for m in head.modules() if isinstance(m, torch.nn.Linear)][-1]
    torch.nn.init.zeros_(last.weight)
    found = collapsed.losses(alike).metrics
    assert found["deviation"] < 1e-3 < 0.3 < healthy["deviation"]
    assert make(name).losses(alike).metrics["agreement"] == pytest.approx(1, abs=1e-4)
    assert not any(value.requires_grad for value in healthy.values())


@paired
def test_half_precision_forwards_give_a_full_precision_loss_close_to_the_exact(name: str) -> None:
    exact = make(name).losses(two_views()).total()
    setting = make(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total = setting.losses(two_views()).total()
    total.backward()
    assert total.dtype == torch.float32
    torch.testing.assert_close(total, exact, rtol=0.05, atol=0.05)


@paired
def test_a_batch_of_one_is_refused_before_training_and_in_it(name: str) -> None:
    setting = make(name)
    offered = Composition(
        specs={"signal": PoolEncoder().spec},
        roles={"signal": ("view", "view")},
        meta={},
        teachers=frozenset({"teacher"}),
        mixes=frozenset({"signal"}),
    )
    assert unmet(setting.objective.requires, offered) == ["needs batches of at least 2; got 1"]
    assert not unmet(setting.objective.requires, replace(offered, batch=2))
    one_view = replace(offered, batch=2, roles={"signal": ("view",)})
    assert "needs at least 2 views" in unmet(setting.objective.requires, one_view)[0]
    if name != "simclr":  # which encodes the two views of the one instance together
        with pytest.raises(ValueError, match=r"more than 1 value per channel|at least 2 instances"):
            setting.losses(two_views(1))


def test_byol_asks_for_its_teacher() -> None:
    assert Byol().requires.teachers == {"teacher"}
    assert Byol.teacher_parts == ("projector",)


@paired
def test_only_the_rows_of_the_loss_count(name: str) -> None:
    """With the statistics of batch norm fixed, other rows change nothing."""
    rows = torch.tensor([6, 1, 2, 5])

    def total(disturbed: bool) -> Tensor:
        setting = make(name)
        setting.encoders.eval()
        for teacher in setting.teachers.values():
            teacher.encoders.eval()
        keep = torch.zeros(BATCH, 1, 1).index_fill(0, rows, 1.0).bool()
        views = [
            replace(view, value=view.value.where(keep, 9.0) if disturbed else view.value, rows=rows)
            for view in two_views()
        ]
        return setting.losses(Views(views)).total()

    torch.testing.assert_close(total(disturbed=True), total(disturbed=False))


@paired
def test_views_whose_rows_are_not_the_same_instances_are_refused(name: str) -> None:
    first, second = two_views()
    mixed = replace(second, source=torch.arange(BATCH).flip(0))
    with pytest.raises(ValueError, match="signal views change the order"):
        make(name).losses(Views([first, mixed]))
    absent = replace(second, present=torch.ones(BATCH, dtype=torch.bool))
    with pytest.raises(ValueError, match="some instances lack the modality signal"):
        make(name).losses(Views([first, absent]))


def test_simclr_works_with_one_instance_on_a_process_of_several() -> None:
    """Its metrics, of the instances of all processes, are numbers even for one instance."""
    found = make("simclr").losses(two_views(1)).metrics
    assert set(found) == {"agreement", "deviation"}
    assert all(bool(value.isfinite()) for value in found.values())


def test_a_schedule_moves_the_temperature() -> None:
    setting, views = make("simclr"), two_views()
    context = setting.context()
    context.value = lambda name, default: 0.7 if name == "temperature" else default  # type: ignore[method-assign]
    a, b = embed(make("simclr"), views, joint=True)
    torch.testing.assert_close(setting.objective(views, context).total(), nt_xent(a, b, 0.7).loss)


@pytest.mark.parametrize("kind", [Byol, SimSiam])
def test_a_predictor_of_another_width_than_its_target_is_refused(
    kind: type[Byol] | type[SimSiam],
) -> None:
    config = {Byol: ByolConfig, SimSiam: SimSiamConfig}[kind]
    wrong = config(projector=HEAD, predictor=MlpConfig(widths=(4, 5)))
    with pytest.raises(ValueError, match=r"wanted a last width of 6, the projector's.*got 5"):
        kind(wrong)


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="temperature: wanted above 0"):
        SimClrConfig(temperature=0.0)


def test_defaults_build_without_a_config() -> None:
    for kind, _ in (OBJECTIVES[name] for name in PAIRED):
        assert kind().requires.views == 2
    assert isinstance(SimClr().config, SimClrConfig)
    assert isinstance(two_views()[0], View)


def test_without_a_projector_the_embeddings_themselves_are_predicted() -> None:
    """BGRL's form of BYOL; the predictor must answer as many features as the encoder has."""
    spec = EncoderSpec(modality="signal", width=6)
    objective = Byol(ByolConfig(projector=None, predictor=MlpConfig(widths=(7, 6))))
    objective.build({"signal": spec}, DataInfo())
    x = torch.randn(4, 6)
    assert objective.projector["signal"](x) is x
    with pytest.raises(ValueError, match="wanted a last width of 6, the signal encoder's"):
        Byol(ByolConfig(projector=None)).build({"signal": spec}, DataInfo())
