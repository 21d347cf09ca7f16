"""Teachers follow their policy to the digit and never want a gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tacit.nn import (
    Ema,
    Frozen,
    PastCheckpoint,
    PreviousStage,
    RandomInit,
    Teacher,
    TeacherPolicy,
    build_teacher,
)


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def student() -> tuple[nn.ModuleDict, dict[str, nn.Module]]:
    return nn.ModuleDict({"signal": network()}), {"projector": network()}


def change(*modules: nn.Module) -> None:
    """What training does: other weights, other statistics, one more batch counted."""
    for module in modules:
        for tensor in [*module.parameters(), *module.buffers()]:
            with torch.no_grad():
                tensor.add_(1 if not tensor.is_floating_point() else torch.randn_like(tensor))


def first(modules: Any, name: str = "signal") -> Any:
    """The first layer of a network."""
    return modules[name][0]


def state(teacher: Teacher) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in teacher.state_dict().items()}


def test_the_average_has_its_closed_form_running_statistics_included() -> None:
    encoders, parts = student()
    teacher = build_teacher(Ema(momentum=0.9), encoders, parts, seed=0)
    wanted = {name: t.double() for name, t in teacher.state_dict().items()}
    for momentum in (None, 0.5, 1.0):
        change(encoders, parts["projector"])
        teacher.update(encoders, parts, momentum)
        kept = 0.9 if momentum is None else momentum
        now = {f"encoders.{n}": t for n, t in encoders.state_dict().items()}
        now |= {f"parts.projector.{n}": t for n, t in parts["projector"].state_dict().items()}
        for name, tensor in now.items():
            counted = not tensor.is_floating_point()
            wanted[name] = tensor if counted else kept * wanted[name] + (1 - kept) * tensor
    assert set(wanted) == set(teacher.state_dict())
    for name, tensor in teacher.state_dict().items():
        torch.testing.assert_close(tensor.double(), wanted[name].double(), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("policy", [Frozen(), RandomInit()])
def test_other_teachers_never_change(policy: TeacherPolicy) -> None:
    encoders, parts = student()
    teacher = build_teacher(policy, encoders, parts, seed=0)
    before = state(teacher)
    change(encoders, parts["projector"])
    teacher.train()
    teacher.encoders["signal"](torch.randn(5, 3))
    teacher.update(encoders, parts)
    for name, tensor in teacher.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    with pytest.raises(ValueError, match="no effect on a teacher of kind"):
        teacher.update(encoders, parts, 0.9)


def test_a_past_checkpoint_is_the_student_of_the_last_multiple_of_its_steps() -> None:
    encoders, parts = student()
    teacher = build_teacher(PastCheckpoint(every=2), encoders, parts, seed=0)
    wanted = state(teacher)
    for step in range(1, 6):
        change(encoders, parts["projector"])
        teacher.update(encoders, parts, step=step)
        if step % 2 == 0:
            wanted = {f"encoders.{n}": t.clone() for n, t in encoders.state_dict().items()}
        for name, tensor in teacher.encoders.state_dict().items():
            assert torch.equal(tensor, wanted[f"encoders.{name}"]), (step, name)
    assert not teacher.train().encoders["signal"].training
    with pytest.raises(ValueError, match="every: wanted at least 1 step; got 0"):
        PastCheckpoint(every=0)


def test_a_teacher_wants_no_gradient_and_the_student_keeps_its_own() -> None:
    encoders, parts = student()
    teacher = build_teacher(Ema(), encoders, parts, seed=0)
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(p.requires_grad for p in encoders.parameters())


def test_a_moving_teacher_follows_the_mode_and_a_fixed_one_stays_in_evaluation() -> None:
    encoders, parts = student()
    moving = build_teacher(Ema(), encoders, parts, seed=0)
    fixed = build_teacher(Frozen(), encoders, parts, seed=0)
    assert moving.training
    assert not moving.eval().encoders["signal"].training
    assert not fixed.train().encoders["signal"].training


def test_weights_that_encoders_and_parts_share_are_shared_and_averaged_once() -> None:
    encoders, parts = student()
    parts["head"] = encoders["signal"]
    teacher = build_teacher(Ema(momentum=0.5), encoders, parts, seed=0)
    assert first(teacher.parts, "head").weight is first(teacher.encoders).weight
    before = first(teacher.encoders).weight.clone()
    change(encoders)
    teacher.update(encoders, parts)
    torch.testing.assert_close(
        first(teacher.encoders).weight, (before + first(encoders).weight) / 2
    )


def test_the_average_goes_on_after_a_conversion() -> None:
    encoders, parts = student()
    teacher = build_teacher(Ema(momentum=0.0), encoders, parts, seed=0)
    teacher.update(encoders, parts)
    for module in (teacher, encoders, parts["projector"]):
        module.double()
    change(encoders, parts["projector"])
    teacher.update(encoders, parts)
    for name, tensor in encoders.state_dict().items():
        assert torch.equal(teacher.encoders.state_dict()[name], tensor), name


def test_random_weights_are_new_reproducible_and_leave_torchs_generator_alone() -> None:
    encoders, parts = student()
    encoders["signal"].register_parameter("token", nn.Parameter(torch.randn(1000) * 0.02))
    before = torch.get_rng_state()
    one, again, other = (
        build_teacher(RandomInit(), encoders, parts, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(before, torch.get_rng_state())
    for name, tensor in one.encoders.state_dict().items():
        assert torch.equal(tensor, again.encoders.state_dict()[name])
    for name in ("0.weight", "2.bias", "token"):
        weights = [t.encoders["signal"].state_dict()[name] for t in (one, other)]
        weights.append(encoders["signal"].state_dict()[name])
        assert not any(torch.equal(weights[i], weights[i - 1]) for i in range(3))
    token = one.encoders.state_dict()["signal.token"]
    assert token.std() == pytest.approx(0.02, rel=0.2)


def test_the_previous_stage_teaches_as_it_was_left() -> None:
    encoders, parts = student()
    previous = Teacher(Frozen(), encoders, parts)
    change(encoders)
    teacher = build_teacher(
        PreviousStage(),
        encoders,
        {},
        seed=0,
        previous=(previous.encoders, dict(previous.parts.items())),
    )
    for name, tensor in previous.encoders.state_dict().items():
        assert torch.equal(teacher.encoders.state_dict()[name], tensor)
    with pytest.raises(ValueError, match="first stage"):
        build_teacher(PreviousStage(), encoders, parts, seed=0)
    with pytest.raises(ValueError, match="has no decoder"):
        build_teacher(
            PreviousStage(),
            encoders,
            {"decoder": network()},
            seed=0,
            previous=(previous.encoders, dict(previous.parts.items())),
        )


def test_momentum_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"wanted 0 to 1; got 1\.5"):
        Ema(momentum=1.5)
    encoders, parts = student()
    with pytest.raises(ValueError, match="wanted 0 to 1; got -1"):
        build_teacher(Ema(), encoders, parts, seed=0).update(encoders, parts, -1.0)


def test_a_random_teacher_normalises_by_the_batch_only_if_told() -> None:
    for batch_norm in (False, True):
        teacher = build_teacher(RandomInit(batch_norm=batch_norm), *student(), seed=0)
        assert teacher.encoders["signal"].training is batch_norm
        assert not teacher.eval().encoders["signal"].training
