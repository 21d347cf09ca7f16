"""Distillation over prototypes: what the loss is made of, what centres do, what collapses."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.core.objectives.setting import (
    BATCH,
    HEAD,
    OBJECTIVES,
    PROTOTYPES,
    SELF,
    Setting,
    make,
    two_views,
)
from tests.core.toys import SIZE
from torch import Tensor, nn

from tacit.contract import Mask, View, Views
from tacit.functional import soft_assignment
from tacit.nn import (
    Centre,
    Ema,
    Frozen,
    PastCheckpoint,
    PreviousStage,
    PrototypeHead,
    Prototypes,
    RandomInit,
    TeacherPolicy,
    build_teacher,
)
from tacit.objectives import Dino, DinoConfig, Ibot, IbotConfig, RandomTeacherConfig

every = pytest.mark.parametrize("name", SELF)


def multi_crop(seed: int = 0, batch: int = BATCH) -> Views:
    """Two views the teacher sees, two it does not."""
    roles = ("global", "global", "local", "local")
    views = two_views(batch, count=4, seed=seed)
    return Views([replace(v, role=role) for v, role in zip(views, roles, strict=True)])


def moved(setting: Setting) -> Setting:
    """The same, with a teacher that is not the student."""
    with torch.no_grad():
        for parameter in setting.teachers["teacher"].parameters():
            parameter.add_(0.1 * torch.linspace(-1, 1, parameter.numel()).view_as(parameter))
    return setting


def entropy_to(target: Tensor, scores: Tensor, temperature: float) -> Tensor:
    return -(target * (scores / temperature).log_softmax(-1)).sum(-1)


def scored(setting: Setting, value: Tensor, *, teacher: bool = False) -> Tensor:
    """Encoder, trunk and prototypes by hand."""
    owner = setting.teachers["teacher"] if teacher else setting
    head = owner.get_submodule("parts.projector.signal") if teacher else setting.head("projector")  # type: ignore[union-attr]
    assert isinstance(head, PrototypeHead)
    bottleneck = head.trunk(owner.encoders["signal"](value).pooled)
    weight = head.prototypes.weight
    return nn.functional.normalize(bottleneck, dim=1) @ nn.functional.normalize(weight, dim=1).T


def test_dino_compares_each_view_with_every_other_view_the_teacher_sees() -> None:
    setting, views = moved(make("dino")), multi_crop()
    twin = moved(make("dino"))
    values = [view.value for view in views]
    students = [
        s for half in (values[:2], values[2:]) for s in scored(twin, torch.cat(half)).chunk(2)
    ]
    seen = scored(twin, torch.cat(values[:2]), teacher=True).chunk(2)
    targets = [(each.detach() / 0.04).softmax(-1) for each in seen]
    pairs = [
        entropy_to(targets[i], students[j], 0.1).mean()
        for i in range(2)
        for j in range(4)
        if i != j
    ]
    wanted = torch.stack(pairs).mean()
    torch.testing.assert_close(setting.losses(views).total(), wanted)


def test_where_no_view_is_global_the_teacher_sees_all() -> None:
    setting, views = make("dino"), two_views()
    alike = Views([replace(view, role="global") for view in views])
    torch.testing.assert_close(setting.losses(views).total(), make("dino").losses(alike).total())


def test_the_centre_is_the_running_mean_of_scores_and_moves_after_the_step() -> None:
    setting, views = moved(make("dino")), multi_crop()
    centre = setting.objective.get_submodule("centre.signal")
    assert isinstance(centre, Centre)
    first = setting.losses(views).total()
    again = moved(make("dino")).losses(views).total()
    torch.testing.assert_close(first, again)  # a look at the loss has moved nothing
    assert not centre.value.any()
    setting.objective.after_step(setting.context())
    scores = scored(moved(make("dino")), torch.cat([v.value for v in views[:2]]), teacher=True)  # type: ignore[index, misc]
    torch.testing.assert_close(centre.value, 0.1 * scores.detach().mean(0))
    assert not centre.seen.any()


def test_a_centre_counts_the_rows_of_all_parts_of_a_batch() -> None:
    rows = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    centre = Centre(3, 0.5)
    centre.see(rows[:1])
    centre.see(rows[1:])
    centre.update()
    torch.testing.assert_close(centre.value, 0.5 * rows.mean(0))
    kept = centre.value.clone()
    centre.update()  # a step that showed it nothing
    torch.testing.assert_close(centre.value, kept)
    assert set(centre.state_dict()) == {"value"}


@pytest.mark.parametrize("name", ["dino", "ibot"])
def test_prototypes_stand_still_in_the_first_epoch_and_the_rest_learns(name: str) -> None:
    setting, (_, config) = make(name), OBJECTIVES[name]
    setting.objective.config = replace(config, frozen_epochs=1)  # type: ignore[assignment]
    setting.losses(multi_crop()).total().backward()
    prototypes = setting.head("projector.signal" if False else "projector").get_submodule(
        "prototypes"
    )
    for parameter in setting.trained():
        assert parameter.grad is not None
        assert bool(parameter.grad.any()) is (parameter is not prototypes.weight)


def test_prototypes_are_directions_whatever_their_length() -> None:
    prototypes, rows = Prototypes(4, 5), torch.randn(3, 4)
    wanted = torch.cosine_similarity(rows[:, None], prototypes.weight[None], dim=2)
    torch.testing.assert_close(prototypes(7 * rows), wanted)
    with torch.no_grad():
        prototypes.weight.mul_(3)
    torch.testing.assert_close(prototypes(rows), wanted)


def test_a_schedule_sharpens_the_teacher() -> None:
    setting, views = moved(make("dino")), two_views()
    context = setting.context()
    context.value = lambda name, default: 0.5 if name == "teacher_temperature" else default  # type: ignore[method-assign]
    warm = setting.objective(views, context).total()
    _, config = OBJECTIVES["dino"]
    other = moved(make("dino"))
    other.objective.config = replace(config, teacher_temperature=0.5)  # type: ignore[assignment]
    torch.testing.assert_close(warm, other.losses(views).total())


def masks(hidden: Tensor) -> Mask:
    return Mask(hidden, "replace")


def test_ibot_scores_hidden_tokens_alone_against_the_whole_view_of_the_teacher() -> None:
    setting, twin = moved(make("ibot")), moved(make("ibot"))
    generator = torch.Generator().manual_seed(3)
    hidden = torch.rand(BATCH, SIZE, generator=generator) < 0.4
    views = Views([replace(view, mask=masks(hidden)) for view in two_views()])
    teacher, head = twin.teachers["teacher"], twin.head("projector")
    taught = teacher.get_submodule("parts.projector.signal")
    parts = []
    for view in views:
        whole = teacher.encoders["signal"](view.value)
        own = twin.encoders["signal"](view.value, mask=view.mask)
        target = soft_assignment(taught(whole.tokens), temperature=0.04)
        parts.append(entropy_to(target, head(own.tokens), 0.1)[hidden].mean())
    wanted = torch.stack(parts).mean()
    torch.testing.assert_close(setting.losses(views).terms["tokens"], wanted)


def test_ibot_draws_the_same_number_for_every_row_and_scores_no_other_tokens() -> None:
    setting, seen = make("ibot"), []
    head = setting.head("projector")
    head.register_forward_hook(lambda *call: seen.append(call[1][0].shape))
    setting.losses(two_views())
    assert [tuple(shape) for shape in seen] == [(BATCH, 5, 8)] * 2  # 0.3 of 16, rounded up


def test_ibot_with_a_head_of_its_own_for_tokens_teaches_it_too() -> None:
    config = IbotConfig(projector=PROTOTYPES, shared_head=False)
    assert Ibot(config).teacher_parts == ("projector", "token_projector")
    assert Ibot(replace(config, shared_head=True)).teacher_parts == ("projector",)


def test_a_mask_that_drops_tokens_is_refused_by_ibot() -> None:
    hidden = Mask(torch.arange(SIZE).expand(BATCH, -1) < 4, "drop", 4)
    views = Views([replace(view, mask=hidden) for view in two_views()])
    with pytest.raises(ValueError, match="wanted 'replace'"):
        make("ibot").losses(views)


def test_a_head_with_batch_norm_is_refused_for_tokens() -> None:
    trunk = replace(PROTOTYPES.trunk, norm="batch")
    with pytest.raises(ValueError, match="tokens take 'none' or 'layer'"):
        IbotConfig(projector=replace(PROTOTYPES, trunk=trunk))
    apart = IbotConfig(projector=replace(PROTOTYPES, trunk=trunk), shared_head=False)
    assert apart.token_projector.trunk.norm == "layer"
    assert apart.projector.trunk.norm == "batch"


def test_a_student_that_is_its_random_teacher_has_nothing_to_learn() -> None:
    setting = make("random-teacher")
    teacher = setting.teachers["teacher"]
    setting.encoders.eval()
    teacher.eval()
    teacher.encoders["signal"].load_state_dict(setting.encoders["signal"].state_dict())
    setting.head("projector").load_state_dict(teacher.parts["projector"]["signal"].state_dict())  # type: ignore[index]
    setting.losses(two_views()).total().backward()
    slopes = torch.cat([p.grad.flatten() for p in setting.trained() if p.grad is not None])
    assert float(slopes.abs().max()) < 1e-7


def test_a_student_begins_at_the_wanted_distance_with_the_variance_of_both() -> None:
    setting = make("random-teacher")
    setting.objective.config = RandomTeacherConfig(projector=PROTOTYPES, distance=0.5)  # type: ignore[assignment]
    before = setting.head("projector").get_submodule("trunk.layers.0").weight.clone()
    taught = setting.teachers["teacher"].get_submodule("parts.projector.signal.trunk.layers.0")
    setting.objective.before_stage(setting.context())
    after = setting.head("projector").get_submodule("trunk.layers.0").weight
    torch.testing.assert_close(after, (before + taught.weight) / 2**0.5)
    norm = setting.encoders["signal"].get_submodule("layers.1")
    assert bool((norm.weight == 1).all()), "scales are constants and are only mixed"


@every
def test_every_parameter_gets_a_gradient_and_the_teacher_none(name: str) -> None:
    setting = make(name)
    setting.losses(multi_crop()).total().backward()
    assert all(parameter.grad is not None for parameter in setting.trained())
    assert all(p.grad is None for p in setting.teachers["teacher"].parameters())


@every
def test_several_modalities_have_heads_centres_and_terms_of_their_own(name: str) -> None:
    alone = make(name).losses(two_views())
    both = make(name, modalities=("signal", "other"))
    views = Views([*two_views(), *two_views(modality="other", seed=1)])
    losses = both.losses(views)
    assert set(losses.terms) == {f"{t}/{m}" for t in alone.terms for m in ("signal", "other")}
    losses.total().backward()
    assert all(parameter.grad is not None for parameter in both.trained())


@every
def test_half_precision_forwards_give_a_full_precision_loss_close_to_the_exact(name: str) -> None:
    exact = moved(make(name)).losses(two_views()).total()
    setting = moved(make(name))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total = setting.losses(two_views()).total()
    total.backward()
    assert total.dtype == torch.float32
    torch.testing.assert_close(total, exact, rtol=0.05, atol=0.05)


@every
def test_views_whose_rows_are_not_the_same_instances_are_refused(name: str) -> None:
    first, second = two_views()
    mixed = replace(second, source=torch.arange(BATCH).flip(0))
    with pytest.raises(ValueError, match="signal views change the order"):
        make(name).losses(Views([first, mixed]))


@every
def test_metrics_carry_no_gradient_and_tell_views_that_agree(name: str) -> None:
    views = two_views()
    alike = Views([View(value=views[0].value, modality="signal")] * 2)
    found = make(name).losses(alike).metrics
    assert not any(value.requires_grad for value in found.values())
    if name != "ibot":  # whose two views are masked differently
        assert float(found["agreement"]) == pytest.approx(1, abs=1e-4)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="student_temperature: wanted above 0"):
        DinoConfig(student_temperature=0.0)
    with pytest.raises(ValueError, match="frozen_epochs: wanted at least 0"):
        DinoConfig(frozen_epochs=-1)
    with pytest.raises(ValueError, match="token_teacher_temperature: wanted above 0"):
        IbotConfig(token_teacher_temperature=0.0)
    with pytest.raises(ValueError, match="distance: wanted more than 0"):
        RandomTeacherConfig(distance=0.0)
    with pytest.raises(ValueError, match="momentum: wanted 0 to 1"):
        Centre(3, 2.0)
    assert Dino().requires.teachers == {"teacher"}
    assert HEAD.activation == "relu"


POLICIES: dict[str, TeacherPolicy] = {
    "average": Ema(),
    "frozen": Frozen(),
    "random": RandomInit(),
    "past checkpoint": PastCheckpoint(every=1),
    "previous stage": PreviousStage(),
}
TAUGHT = [name for name in OBJECTIVES if make(name).teachers]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", TAUGHT)
def test_any_policy_teaches_any_objective_that_has_a_teacher(name: str, policy: str) -> None:
    setting, before = make(name), make(name, seed=1)
    previous = (before.encoders, before.parts()) if policy == "previous stage" else None
    setting.teachers["teacher"] = build_teacher(
        POLICIES[policy], setting.encoders, setting.parts(), seed=3, previous=previous
    )
    optimizer = torch.optim.SGD(setting.trained(), lr=0.1)
    for step in range(2):
        total = setting.losses(multi_crop(seed=step)).total()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        setting.teachers["teacher"].update(setting.encoders, setting.parts(), step=step + 1)
        setting.objective.after_step(setting.context())
        assert bool(total.isfinite())
    assert all(p.grad is None for p in setting.teachers["teacher"].parameters())
