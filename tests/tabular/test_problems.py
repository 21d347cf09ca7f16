from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from torch import Generator, Tensor

from tacit_tabular.data import DrawnConfig, DrawnProblems, Process
from tacit_tabular.encoders import InContext, InContextConfig, Riemann
from tacit_tabular.problems import Problem, Problems, ProcessConfig, draw, posterior
from tacit_tabular.views import Asked, AskedConfig, SamplesConfig, TwoSamples


def problems(count: int = 4, **settings: object) -> Problems:
    config = ProcessConfig(**{"rows": 12, **settings})  # type: ignore[arg-type]
    return draw(config, count, Generator().manual_seed(0))[0]


def asked(value: Problems, known: int) -> Problems:
    """The problems with the labels of their first rows alone."""
    labels = value.labels.clone()
    labels[:, known:] = torch.nan
    return value.relabelled(labels)


def encoder(**settings: object) -> InContext:
    torch.manual_seed(0)
    config = InContextConfig(**{"width": 16, "depth": 2, "heads": 2, "bins": 20, **settings})  # type: ignore[arg-type]
    made = InContext(config).eval()
    with torch.no_grad():  # a row without a label is told apart from one with the label 0
        made.unknown.normal_()
    return made


def scikit_learn(config: ProcessConfig, value: Problems, known: int, scale: float) -> list[Tensor]:
    """Mean, deviation with noise and log evidence of each problem, by scikit-learn."""
    means, deviations, evidence = [], [], []
    for inputs, labels in zip(
        value.inputs.double().numpy(), value.labels.double().numpy(), strict=True
    ):
        fitted = GaussianProcessRegressor(RBF(scale), alpha=config.noise**2, optimizer=None)
        fitted.fit(inputs[:known], labels[:known])
        mean, deviation = fitted.predict(inputs, return_std=True)
        means.append(mean)
        deviations.append(np.sqrt(deviation**2 + config.noise**2))
        evidence.append(fitted.log_marginal_likelihood_value_)
    return [torch.tensor(np.array(each)) for each in (means, deviations, evidence)]


@pytest.mark.parametrize("inputs", [1, 3])
def test_the_exact_posterior_is_that_of_scikit_learn(inputs: int) -> None:
    config = ProcessConfig(inputs=inputs, rows=12, lengthscales=(0.3,))
    value = problems(inputs=inputs, lengthscales=(0.3,))
    mean, deviation, _ = scikit_learn(config, value, 7, 0.3)
    found = posterior(config, asked(value, 7))
    torch.testing.assert_close(found.mean, mean, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(found.deviation, deviation, rtol=1e-5, atol=1e-8)


def test_several_lengthscales_are_weighted_by_their_evidence() -> None:
    config = ProcessConfig(rows=12, lengthscales=(0.1, 0.5))
    value = problems(lengthscales=(0.1, 0.5))
    each = [scikit_learn(config, value, 7, scale) for scale in config.lengthscales]
    weight = torch.stack([one[2] for one in each]).softmax(0)[..., None]
    mean = sum(w * one[0] for w, one in zip(weight, each, strict=True))
    square = sum(w * (one[0] ** 2 + one[1] ** 2) for w, one in zip(weight, each, strict=True))
    found = posterior(config, asked(value, 7))
    torch.testing.assert_close(found.mean, mean, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(found.deviation, (square - mean**2).sqrt(), rtol=1e-5, atol=1e-8)


def test_before_any_label_is_known_the_answer_is_the_prior() -> None:
    config = ProcessConfig(rows=12)
    found = posterior(config, asked(problems(), 0))
    assert not found.mean.any()
    torch.testing.assert_close(found.deviation, torch.full((4, 12), math.sqrt(1.01)).double())


def test_drawn_labels_have_the_covariance_of_the_process() -> None:
    config = ProcessConfig(rows=2, lengthscales=(0.5,), noise=0.2)
    value, _ = draw(config, 20_000, Generator().manual_seed(0))
    apart = (value.inputs[:, 0, 0] - value.inputs[:, 1, 0]).square()
    expected = torch.exp(-0.5 * apart / 0.25)
    first, second = value.labels.unbind(1)
    assert abs(float((first * second - expected).mean())) < 0.03
    assert abs(float(first.square().mean()) - 1.04) < 0.04


def test_each_step_draws_new_problems_and_the_same_in_every_run() -> None:
    source = Process(ProcessConfig(rows=4))
    first, again, other = (
        source.fetch(step, 3, Generator().manual_seed(seed))
        for step, seed in ((0, 5), (0, 5), (1, 6))
    )
    a, b, c = (batch.values["problem"].labels for batch in (first, again, other))
    assert torch.equal(a, b)
    assert not torch.isin(a, c).any()
    assert other.index.tolist() == [3, 4, 5]
    assert source.fingerprint() != Process(ProcessConfig(rows=5)).fingerprint()


def test_drawn_problems_are_labelled_by_their_lengthscale() -> None:
    assert DrawnProblems.splits(None) == ("train", "test")
    train, test = DrawnProblems(DrawnConfig()), DrawnProblems(DrawnConfig(split="test"))
    assert train.label_names == ("0.1", "0.5")
    labels = train.labels()
    value = train.fetch(range(len(train))).values["problem"]
    rough = torch.tensor([labels.tolist()[at] == 0 for at in range(len(train))])
    steps = Problem().raw_features(value).diff(dim=1).square().mean(1)
    assert steps[rough].mean() > 2 * steps[~rough].mean()
    others = test.fetch(range(len(test))).values["problem"]
    assert not torch.isin(value.labels, others.labels).any()


def test_no_row_asked_for_sees_another() -> None:
    value = asked(problems(), 7)
    other = Problems(inputs=value.inputs.clone(), labels=value.labels)
    other.inputs[:, 8:] += 1.0
    made = encoder()
    before, after = made(value).tokens, made(other).tokens
    assert before is not None
    assert after is not None
    torch.testing.assert_close(before[:, :8], after[:, :8])
    assert not torch.allclose(before[:, 8:], after[:, 8:])
    alone = Problems(inputs=value.inputs[:, :8], labels=value.labels[:, :8])
    torch.testing.assert_close(made(alone).tokens, before[:, :8])


def test_rows_asked_for_see_what_is_known() -> None:
    value = asked(problems(), 7)
    labels = value.labels.clone()
    labels[:, 3] += 1.0
    made = encoder()
    before, after = made(value).tokens, made(value.relabelled(labels)).tokens
    assert before is not None
    assert after is not None
    assert ((before - after).abs().amax(2) > 1e-6).all()


def test_the_order_of_rows_means_nothing() -> None:
    value = asked(problems(), 7)
    order = torch.randperm(12, generator=Generator().manual_seed(1))
    turned = Problems(inputs=value.inputs[:, order], labels=value.labels[:, order])
    made = encoder()
    torch.testing.assert_close(made.answer(turned).mean, made.answer(value).mean[:, order])
    torch.testing.assert_close(made(turned).pooled, made(value).pooled)


def test_a_problem_without_any_label_has_an_answer() -> None:
    found = encoder().answer(asked(problems(), 0))
    assert found.mean.isfinite().all()
    assert (found.deviation > 0).all()


def test_training_and_evaluation_answer_alike() -> None:
    value, made = asked(problems(), 7), encoder()
    torch.testing.assert_close(made.train()(value).tokens, made.eval()(value).tokens)


def test_problems_of_another_width_are_refused() -> None:
    value = problems(inputs=2)
    with pytest.raises(ValueError, match="wanted rows of 1 columns; got 2"):
        encoder()(value)
    with pytest.raises(ValueError, match=r"set encoder\.inputs"):
        Problem().fit(1, value)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_the_density_is_one_whatever_the_scores(scale: float) -> None:
    found = Riemann(10, scale)
    scores = torch.randn(10, generator=Generator().manual_seed(0))
    labels = torch.linspace(-12 * scale, 12 * scale, 100_001)
    density = found.log_density(scores.expand(len(labels), 10), labels).exp()
    step = float(labels[1] - labels[0])
    mean = (density * labels).sum() * step
    second = (density * labels.square()).sum() * step
    assert abs(float(density.sum()) * step - 1) < 2e-3
    torch.testing.assert_close(found.mean(scores), mean, rtol=1e-2, atol=5e-3)
    deviation = (second - mean.square()).sqrt()
    torch.testing.assert_close(found.deviation(scores), deviation, rtol=1e-2, atol=5e-3)


def test_equal_scores_are_the_normal_the_bins_were_made_of() -> None:
    found = Riemann(200, 2.0)
    scores = torch.zeros(5, 200)
    labels = torch.tensor([-3.0, -1.0, 0.0, 0.5, 4.0])
    normal = torch.distributions.Normal(0.0, 2.0).log_prob(labels)
    torch.testing.assert_close(found.log_density(scores, labels), normal, rtol=0, atol=0.03)
    torch.testing.assert_close(found.mean(scores), torch.zeros(5), rtol=0, atol=1e-5)
    torch.testing.assert_close(found.deviation(scores), torch.full((5,), 2.0), rtol=0, atol=0.01)


def test_the_error_is_that_of_the_labels_asked_for() -> None:
    found = Riemann(10)
    scores = torch.randn(2, 3, 10, generator=Generator().manual_seed(0), requires_grad=True)
    labels = torch.tensor([[0.1, torch.nan, 9.0], [-1.0, 0.3, -9.0]])
    hidden = torch.tensor([[True, True, False], [False, True, True]])
    each = found.log_density(scores, labels.nan_to_num(0.0))
    error = found.error(scores, labels, hidden)
    torch.testing.assert_close(error, -(each[0, 0] + each[1, 1] + each[1, 2]) / 3)
    error.backward()
    assert scores.grad is not None
    assert torch.equal(scores.grad.abs().sum(2) > 0, hidden & ~labels.isnan())


def test_as_many_labels_stay_known_as_drawn_and_answers_hold_all() -> None:
    value = problems(500)
    (view,) = Asked(AskedConfig(least=2, most=5))(value, Generator().manual_seed(0))
    taken = view.meta["asked"]
    assert torch.equal(view.value.labels.isnan(), taken)
    assert torch.equal(view.meta["answers"], value.labels)
    assert torch.equal(view.value.labels[~taken], value.labels[~taken])
    kept = (~taken).sum(1)
    assert (torch.bincount(kept, minlength=7)[2:6] > 90).all(), "evenly from 2 to 5"
    assert kept.min() == 2
    assert kept.max() == 5
    assert ((~taken).double().mean(0) - 3.5 / 12).abs().max() < 0.08, "any row is as likely"
    with pytest.raises(ValueError, match="more than 12 rows; got 12"):
        Asked(AskedConfig(most=12))(value, Generator())


def test_labels_that_were_never_known_are_not_asked_for() -> None:
    (view,) = Asked(AskedConfig(most=0))(asked(problems(), 7), Generator().manual_seed(0))
    assert view.meta["asked"][:, :7].all()
    assert not view.meta["asked"][:, 7:].any()


def test_two_samples_share_no_row() -> None:
    value = problems()
    first, second = TwoSamples(SamplesConfig())(value, Generator().manual_seed(0))
    rows = torch.cat([first.meta["rows"], second.meta["rows"]], dim=1)
    assert torch.equal(rows.sort(1).values, torch.arange(12).expand(4, 12))
    assert torch.equal(first.value.labels, value.labels.gather(1, first.meta["rows"]))
    assert not torch.equal(rows[0], rows[1])
