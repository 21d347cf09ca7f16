"""cMIM: log densities in closed form, a contrast that many negatives do not change."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from tests.core.needs.toys import Log, Rows, engine
from tests.core.objectives.setting import values
from tests.core.objectives.test_no_waiting import NothingReadBack
from tests.core.toys import TokenEncoder, ToyContext
from torch.distributions import Normal

from tacit.contract import DataInfo, View, Views
from tacit.nn import MlpConfig
from tacit.objectives import CMim, CMimConfig
from tacit.objectives.content import shared_draw
from tacit.objectives.mutual_information import log_normal, mean_contrast
from tacit.training.optimizers import AdamW

PLAIN = MlpConfig(widths=(16,), norm="layer", activation="gelu")
CONFIG = CMimConfig(codes=3, decoder=PLAIN)


def views(batch: int = 8) -> Views:
    return Views([View(value=values(batch), modality="signal")])


def built(config: CMimConfig = CONFIG) -> tuple[CMim, ToyContext]:
    torch.manual_seed(0)
    objective, encoder = CMim(config), TokenEncoder()
    objective.build({"signal": encoder.spec}, DataInfo())
    return objective, ToyContext({"signal": encoder})


def test_log_densities_are_torchs() -> None:
    at, mean = torch.randn(4, 3), torch.randn(4, 3)
    deviation = torch.rand(4, 3) + 0.1
    torch.testing.assert_close(
        log_normal(at, mean, deviation), Normal(mean, deviation).log_prob(at).sum(1)
    )
    torch.testing.assert_close(log_normal(at, 0.0, 1.0), Normal(0.0, 1.0).log_prob(at).sum(1))


def test_the_terms_are_those_of_the_paper() -> None:
    objective, ctx = built()
    found = objective(views(), ctx).terms
    encoder = ctx.encoders["signal"]
    mean, deviation = objective.codes("signal", encoder(views()[0].value).pooled)
    drawn = shared_draw(8, 3, ToyContext({"signal": encoder}))
    code = mean + deviation * drawn
    content = values(8).flatten(1)
    told = Normal(objective.decode("signal", code), 1.0).log_prob(content).sum(1)
    certain = Normal(mean, deviation).log_prob(code).sum(1)
    prior = Normal(0.0, 1.0).log_prob(code).sum(1)
    torch.testing.assert_close(found["reconstruction"], -told.mean())
    torch.testing.assert_close(found["code"], -(certain + prior).mean() / 2)
    torch.testing.assert_close(found["contrast"], mean_contrast(code, mean, temperature=0.1))


def test_the_contrast_has_the_closed_form() -> None:
    code, mean = torch.randn(5, 3), torch.randn(5, 3)
    cosine = torch.cosine_similarity(code[:, None], mean[None], dim=2)
    scores = (cosine / 0.3).exp()
    own = scores.diagonal()
    others = (scores.sum(1) - own) / 4
    wanted = -(own / (own + others)).log().mean()
    torch.testing.assert_close(mean_contrast(code, mean, temperature=0.3), wanted)


def test_collapsed_codes_cost_the_logarithm_of_two_however_many_there_are() -> None:
    for count in (2, 16, 128):
        alike = torch.ones(count, 3)
        found = mean_contrast(alike, alike, temperature=0.1)
        assert found.item() == pytest.approx(math.log(2), abs=1e-5)


def test_the_contrast_changes_little_with_the_number_of_others() -> None:
    generator = torch.Generator().manual_seed(0)
    code = torch.randn(512, 8, generator=generator)
    near = code + 0.8 * torch.randn(512, 8, generator=generator)
    few, many = (
        torch.stack([mean_contrast(*p, temperature=0.5) for p in parts]).mean()
        for parts in (
            list(zip(code.split(32), near.split(32), strict=True)),
            [(code, near)],
        )
    )
    assert few.item() == pytest.approx(many.item(), rel=0.02)


def test_gradients_of_the_contrast_are_right() -> None:
    pair = [torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(lambda a, b: mean_contrast(a, b, temperature=0.5), pair)


def test_without_its_contrast_it_is_mim() -> None:
    objective, ctx = built(CMimConfig(codes=3, decoder=PLAIN, contrast=0.0))
    assert set(objective(views(), ctx).terms) == {"reconstruction", "code"}


def test_codes_are_never_more_certain_than_the_least_deviation() -> None:
    objective, _ = built()
    _, deviation = objective.codes("signal", 1e4 * torch.randn(8, 8))
    assert deviation.min() >= 0.1


def test_content_is_described_better_and_codes_are_told_apart() -> None:
    log = Log()
    engine(
        CMim(CONFIG),
        source=Rows(signal=values(64)),
        encoders={"signal": TokenEncoder()},
        optimizer=AdamW(lr=1e-2),
        batch=32,
        steps=80,
        log=log,
    ).run()
    for term in ("reconstruction", "contrast"):
        losses = log.column(f"loss/{term}")
        assert sum(losses[-5:]) < sum(losses[:5]), term


def test_a_step_waits_for_nothing() -> None:
    objective, ctx = built()
    with NothingReadBack():
        objective(views(), ctx).total().backward()


def test_settings_out_of_range_are_refused() -> None:
    for name in ("codes", "deviation", "least_deviation", "temperature"):
        with pytest.raises(ValueError, match=f"{name}: wanted above 0"):
            replace(CONFIG, **{name: 0 if name == "codes" else 0.0})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="contrast: wanted at least 0"):
        CMimConfig(contrast=-1.0)
