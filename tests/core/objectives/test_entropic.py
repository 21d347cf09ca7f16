"""E2MC: effective entropy beside another loss, in a stage that goes on from the one before."""

from __future__ import annotations

import pytest
import torch
from tests.core.needs.toys import Make, Rows, engine, linear, noisy_twice, signals
from tests.core.objectives.setting import HEAD, make, two_views
from tests.core.toys import PoolEncoder

from tacit.contract import DataInfo
from tacit.functional import effective_entropy
from tacit.methods import e2mc
from tacit.objectives import (
    EffectiveEntropyConfig,
    Entropic,
    EntropicSimSiam,
    EntropicSimSiamConfig,
    EntropicVicReg,
    EntropicVicRegConfig,
    SimClr,
    SimClrConfig,
    VicReg,
    VicRegConfig,
)

VIEWS = {"signal": Make(noisy_twice, roles=2)}


def test_the_entropy_of_both_views_is_added_to_the_loss_it_continues() -> None:
    found, plain = make("e2mc").losses(two_views()).terms, make("vicreg").losses(two_views()).terms
    assert all(torch.equal(found[name], plain[name]) for name in plain)
    twin = make("e2mc")
    context, head = twin.context(), twin.head("projector")
    parts = [effective_entropy(head(context.encode(view).pooled)) for view in two_views()]
    entropy = (parts[0].entropy + parts[1].entropy) / 2
    torch.testing.assert_close(found["entropy"], -10 * entropy)
    together = parts[0].covariance + parts[1].covariance
    torch.testing.assert_close(found["cube_covariance"], together)


def test_with_weights_of_zero_it_is_the_loss_it_continues() -> None:
    setting = make("e2mc")
    assert isinstance(setting.objective, EntropicVicReg)
    setting.objective.effective = EffectiveEntropyConfig(entropy=0.0, covariance=0.0)
    wanted = make("vicreg").losses(two_views()).total()
    torch.testing.assert_close(setting.losses(two_views()).total(), wanted)


def test_it_is_put_before_any_objective_that_compares_embeddings() -> None:
    class Mine(Entropic, SimClr):
        effective = EffectiveEntropyConfig()

    for objective in (
        Mine(SimClrConfig(projector=HEAD)),
        EntropicSimSiam(EntropicSimSiamConfig(projector=HEAD, predictor=HEAD)),
    ):
        setting = make("simclr" if isinstance(objective, Mine) else "simsiam")
        objective.build({"signal": PoolEncoder().spec}, DataInfo())
        terms = objective(two_views(), setting.context()).terms
        assert {"entropy", "cube_covariance"} < set(terms)


def test_the_entropy_rises_in_training() -> None:
    setting = make("e2mc")
    optimizer = torch.optim.AdamW(setting.trained(), lr=3e-3)
    found = []
    for step in range(40):
        losses = setting.losses(two_views(64, seed=step + 1))
        optimizer.zero_grad()
        losses.total().backward()
        optimizer.step()
        found.append(-float(losses.terms["entropy"].detach()))
    assert sum(found[-5:]) > sum(found[:5]) + 5


def test_the_projector_goes_on_from_the_stage_before() -> None:
    source = Rows(signal=signals())
    first = engine(VicReg(VicRegConfig(projector=HEAD)), source=source, views=VIEWS)
    first.run()
    objective = EntropicVicReg(EntropicVicRegConfig(projector=HEAD))
    encoders = {"signal": first.learner.encoder("signal")}
    fresh = objective.state_dict()
    engine(
        objective,
        source=source,
        encoders=encoders,
        views=VIEWS,
        previous=first.learner,
        keep=("projector",),
    )
    left = first.learner.objective.state_dict()
    assert not fresh, "there is nothing before it is built"
    assert all(torch.equal(value, left[name]) for name, value in objective.state_dict().items())


@pytest.mark.parametrize("before", [True, False])
def test_what_the_stage_before_does_not_have_cannot_be_kept(before: bool) -> None:
    objective = EntropicVicReg(EntropicVicRegConfig(projector=HEAD))
    first = engine(VicReg(VicRegConfig(projector=HEAD)), views=VIEWS).learner if before else None
    wanted = f"of the stage before; it was {'VicReg' if before else 'no stage'}"
    with pytest.raises(ValueError, match=wanted):
        engine(
            objective,
            encoders={"signal": linear()},
            views=VIEWS,
            previous=first,
            keep=("predictor",),
        )


def test_the_method_continues_vicreg_for_a_tenth_of_its_time() -> None:
    first, second = e2mc().stages
    assert first.objective is VicReg
    assert second.keep == ("projector",)
    assert second.start == "continue"
    assert second.training["epochs"] == 10


@pytest.mark.parametrize("name", ["entropy", "covariance"])
def test_a_negative_weight_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: wanted at least 0"):
        EffectiveEntropyConfig(**{name: -1.0})
