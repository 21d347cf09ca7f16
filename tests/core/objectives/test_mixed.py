"""Mixing: what is mixed with what, who may mix, and who is refused before any data is read."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.core.needs.toys import Make, engine, noisy_twice
from tests.core.objectives.setting import HEAD, make, two_views
from tests.core.toys import ToyContext
from torch import Tensor

from tacit.contract import Composition, EncoderSpec, Modality, View, unmet
from tacit.functional import mixed_barlow_twins
from tacit.objectives import BarlowTwins, BarlowTwinsConfig, MixedBarlowTwins
from tacit.objectives.mixed import MixedBarlowTwinsConfig, among


class Signal(Modality):
    name = "signal"
    mixes = True


def test_the_mixed_views_are_embedded_once_and_compared_with_both() -> None:
    setting, views = make("mixed-barlow-twins"), two_views()
    found = setting.losses(views).terms
    twin = make("mixed-barlow-twins")
    encoder, projector = twin.encoders["signal"], twin.head("projector")
    a, b = (projector(encoder(view.value).pooled) for view in views)
    generator = torch.Generator().manual_seed(0)
    share = torch.rand((), generator=generator)
    order = torch.randperm(len(a), generator=generator)
    value = share * views[0].value + (1 - share) * views[1].value[order]
    mixed = projector(encoder(value).pooled)
    wanted = mixed_barlow_twins(a, b, mixed, order=order, share=share)
    torch.testing.assert_close(sum(found.values()), 0.025 * wanted.loss)
    torch.testing.assert_close(found["mixing"], 0.025 * 0.005 * 4 * wanted.mixing)


def test_without_its_weight_it_trains_as_barlow_twins_does() -> None:
    setting, plain = make("mixed-barlow-twins"), make("barlow-twins")
    config = MixedBarlowTwinsConfig(projector=HEAD, mixing=0.0)
    assert isinstance(setting.objective, MixedBarlowTwins)
    setting.objective.config = config
    terms, wanted = setting.losses(two_views()).terms, plain.losses(two_views()).terms
    assert terms["mixing"] == 0
    assert all(torch.equal(terms[name], wanted[name]) for name in wanted)


def test_the_modality_mixes_in_a_run() -> None:
    objective = MixedBarlowTwins(MixedBarlowTwinsConfig(projector=HEAD))
    run = engine(objective, views={"signal": Make(noisy_twice, roles=2)})
    run.learner.modalities["signal"] = Signal()
    run.run()


def test_values_are_mixed_instance_by_instance() -> None:
    value, other = torch.zeros(3, 2), torch.arange(6.0).reshape(3, 2)
    order, share = torch.tensor([2, 0, 1]), torch.tensor(0.25)
    found = Signal().mix(value, other, order=order, share=share)
    torch.testing.assert_close(found, 0.75 * other[order])
    torch.testing.assert_close(Signal().mix(other, value, order=order, share=share), 0.25 * other)


@pytest.mark.parametrize(
    ("value", "other", "message"),
    [
        ("words", "words", "wanted a tensor of floats to mix; got str"),
        (
            torch.zeros(2, 3).byte(),
            torch.zeros(2, 3),
            "tensor of floats to mix; got torch",
        ),
        (torch.zeros(2, 3), torch.zeros(2, 4), r"one shape to mix; got \(2, 3\) and \(2, 4\)"),
    ],
)
def test_values_that_do_not_mix_are_refused(value: object, other: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Signal().mix(value, other, order=torch.tensor([1, 0]), share=torch.tensor(0.5))


def test_a_modality_that_does_not_mix_is_refused_before_training() -> None:
    offered = Composition(
        specs={"signal": EncoderSpec(modality="signal", width=4)},
        roles={"signal": ("view", "view")},
        meta={},
        batch=8,
    )
    (problem,) = unmet(MixedBarlowTwins().requires, offered)
    assert problem == "mixes instances; values of the modality signal do not mix"
    assert not unmet(MixedBarlowTwins().requires, replace(offered, mixes=frozenset({"signal"})))


def test_an_objective_that_did_not_say_so_may_not_mix() -> None:
    class Sly(BarlowTwins):
        def forward(self, views, ctx):  # type: ignore[no-untyped-def]
            return ctx.mix(views[0], views[1], order=torch.arange(4), share=torch.tensor(0.5))

    sly = Sly(BarlowTwinsConfig(projector=HEAD))
    run = engine(sly, views={"signal": Make(noisy_twice, roles=2)})
    with pytest.raises(ValueError, match="Sly mixes undeclared"):
        run.run()


def test_instances_the_loss_is_taken_on_are_mixed_among_themselves() -> None:
    rows = torch.tensor([4, 1, 3])
    view = View(value=torch.zeros(6, 2), rows=rows)
    order = among(view, torch.tensor([2, 0, 1]), 6)
    assert order.tolist() == [0, 4, 2, 1, 3, 5]
    assert among(replace(view, rows=None), torch.tensor([1, 0]), 2).tolist() == [1, 0]


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="mixing: wanted at least 0"):
        MixedBarlowTwinsConfig(mixing=-1.0)


def test_every_step_draws_anew_and_the_same_again() -> None:
    setting = make("mixed-barlow-twins")
    setting.encoders.eval()

    def mixing(seed: int) -> Tensor:
        return setting.losses(two_views(), seed=seed).terms["mixing"].detach()

    assert torch.equal(mixing(1), mixing(1))
    assert not torch.equal(mixing(1), mixing(2))
    assert isinstance(setting.context(), ToyContext)
