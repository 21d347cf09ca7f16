"""Pretext tasks: what the views say was done to them is told, whatever it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from tests.core.needs.toys import Log, Make, Rows, as_it_is, engine
from tests.core.objectives.asked import TASKS, Asked, network, upright
from tests.core.objectives.setting import values
from tests.core.objectives.test_no_waiting import NothingReadBack
from tests.core.toys import WIDTH, AttendingEncoder, PoolEncoder, TokenEncoder, ToyContext
from torch import Tensor

from tacit.contract import Composition, DataInfo, Encoder, Encoding, Objective, Views, unmet
from tacit.functional import nt_xent
from tacit.nn import Fixed, MinNorm, MlpConfig, Numbers, Uncertainty, WhichOf
from tacit.objectives import Pretext, PretextConfig, Sit, SitConfig
from tacit.training.optimizers import AdamW

DATA = DataInfo(tasks={"signal": TASKS})


def views(batch: int = 8, *, noise: float = 0.1, dtype: torch.dtype = torch.float32) -> Views:
    made = Asked(noise)(values(batch, dtype=dtype), torch.Generator().manual_seed(1))
    return Views([replace(view, modality="signal", index=torch.arange(batch)) for view in made])


def built(objective: Objective, encoder: Encoder) -> ToyContext:
    objective.build({"signal": encoder.spec}, DATA)
    return ToyContext({"signal": encoder})


def test_which_of_several_is_a_cross_entropy_with_an_accuracy_beside_chance() -> None:
    task = WhichOf(3)
    predicted = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    answer = torch.tensor([0, 2])
    chances = predicted.softmax(1)
    wanted = -(chances[0, 0].log() + chances[1, 2].log()) / 2
    torch.testing.assert_close(task.loss(predicted, answer), wanted)
    assert {k: v.item() for k, v in task.score(predicted, answer).items()} == pytest.approx(
        {"accuracy": 0.5, "chance": 1 / 3}
    )
    assert task.loss(torch.zeros(2, 3), answer).item() == pytest.approx(math.log(3))


def test_numbers_are_a_squared_error_with_the_share_of_variance_that_is_explained() -> None:
    task = Numbers(2)
    answer = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, -1.0]])
    predicted = answer + torch.tensor([[0.5, 0.0], [0.0, 0.0], [0.0, -1.0]])
    assert task.loss(predicted, answer).item() == pytest.approx(1.25 / 6)
    variance = (answer - answer.mean(0)).square().sum().item()
    assert task.score(predicted, answer)["r2"].item() == pytest.approx(1 - 1.25 / variance)
    assert task.score(answer, answer)["r2"].item() == 1
    mean = answer.mean(0).expand(3, 2)
    assert task.score(mean, answer)["r2"].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("task", [WhichOf(3), Numbers(3)])
def test_gradients_of_a_tasks_loss_are_right(task: WhichOf | Numbers) -> None:
    predicted = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    which = torch.tensor([0, 2, 1, 1])
    answer = which if isinstance(task, WhichOf) else torch.randn(4, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: task.loss(x, answer), predicted)


def test_the_loss_is_that_of_a_head_on_every_view() -> None:
    objective, encoder = Pretext(PretextConfig(tasks=("transformation",))), PoolEncoder()
    ctx, both = built(objective, encoder), views()
    found = objective(both, ctx)
    pooled = encoder(torch.cat([view.value for view in both])).pooled
    logits = objective.heads.get_submodule("signal.transformation")(pooled)
    turns = torch.cat([view.meta["transformation"] for view in both])
    wanted = torch.nn.functional.cross_entropy(logits, turns)
    torch.testing.assert_close(found.terms["transformation"], wanted)
    accuracy = (logits.argmax(1) == turns).float().mean()
    torch.testing.assert_close(found.metrics["transformation/accuracy"], accuracy)


def test_several_questions_are_several_terms() -> None:
    config = PretextConfig(tasks=("transformation", "relation"), head=MlpConfig(widths=(5,)))
    objective = Pretext(config)
    ctx = built(objective, TokenEncoder())
    found = objective(views(), ctx)
    assert set(found.terms) == {"transformation", "relation"}
    assert {"transformation/accuracy", "relation/r2"} <= set(found.metrics)


def test_only_rows_that_count_are_asked() -> None:
    objective = Pretext()
    ctx = built(objective, TokenEncoder())
    rows = torch.tensor([1, 4])
    some = objective(Views([replace(v, rows=rows) for v in views()]), ctx)
    parts = [
        replace(v, value=v.value[rows], meta={k: m[rows] for k, m in v.meta.items()})
        for v in views()
    ]
    torch.testing.assert_close(some.total(), objective(Views(parts), ctx).total())


def test_an_answer_that_can_be_told_is_learnt() -> None:
    log = Log()
    engine(
        Pretext(),
        source=Rows(signal=upright(64)),
        encoders={"signal": network()},
        views={"signal": Asked()},
        log=log,
        steps=60,
        batch=32,
        optimizer=AdamW(lr=1e-2),
    ).run()
    accuracy = log.column("transformation/accuracy")
    assert accuracy[0] < 0.6
    assert sum(accuracy[-5:]) / 5 > 0.9


class Blind(TokenEncoder):
    """Says the same of everything."""

    def forward(self, *args: object, **kwargs: object) -> Encoding:
        usual = super().forward(*args, **kwargs)  # type: ignore[arg-type]
        assert usual.tokens is not None
        return Encoding(pooled=0 * usual.pooled, tokens=0 * usual.tokens)


def test_a_collapsed_encoder_tells_no_better_than_chance() -> None:
    objective = Pretext()
    ctx = built(objective, Blind())
    head = objective.heads.get_submodule("signal.transformation")
    torch.nn.init.zeros_(head.bias)  # type: ignore[arg-type]
    assert objective(views(), ctx).total().item() == pytest.approx(math.log(4))


def test_views_that_ask_nothing_are_refused_before_training() -> None:
    objective, encoder = Pretext(), PoolEncoder()
    offered = Composition(
        specs={"signal": encoder.spec}, roles={"signal": ("view",)}, meta={"signal": frozenset()}
    )
    assert unmet(objective.requires, offered) == ["needs views whose meta holds: transformation"]
    with pytest.raises(ValueError, match="declare no task transformation; they have: none"):
        engine(Pretext(), views={"signal": Make(as_it_is)})


def test_settings_without_a_question_are_refused() -> None:
    with pytest.raises(ValueError, match="one or more different keys"):
        PretextConfig(tasks=())
    with pytest.raises(ValueError, match="one or more different keys"):
        PretextConfig(tasks=("a", "a"))
    with pytest.raises(ValueError, match="at least 2 answers"):
        WhichOf(1)


class Counting(AttendingEncoder):
    """Counts what it encodes."""

    calls = 0

    def forward(self, *args: object, **kwargs: object) -> Encoding:
        self.calls += 1
        return super().forward(*args, **kwargs)  # type: ignore[arg-type]


def test_sit_looks_once_at_each_corrupted_view_and_asks_three_things() -> None:
    torch.manual_seed(0)
    objective, encoder = Sit(SitConfig(balance=Fixed())), Counting()
    ctx = built(objective, encoder)
    found = objective(views(), ctx)
    assert encoder.calls == 2
    assert set(found.terms) == {"reconstruction", "pretext", "contrast"}


def test_sit_is_the_three_losses_of_what_it_saw() -> None:
    torch.manual_seed(0)
    objective, encoder = Sit(SitConfig(balance=Fixed())), AttendingEncoder()
    ctx, both = built(objective, encoder), views()
    found = objective(both, ctx).terms
    again = ToyContext({"signal": encoder})  # with the same masks
    (a, first), (b, other) = (objective.corrupted("signal", view, again) for view in both)
    assert not torch.equal(a, encoder(both[0].value).pooled), "it was corrupted"
    torch.testing.assert_close(found["reconstruction"], (first + other) / 2)
    told = objective.pretext.answer("signal", both, torch.cat([a, b])).total()
    torch.testing.assert_close(found["pretext"], told)
    one, two = objective.projector["signal"](torch.cat([a, b])).split(8)
    torch.testing.assert_close(found["contrast"], nt_xent(one, two, 0.5).loss)


@pytest.mark.parametrize("balance", [Uncertainty(), MinNorm()])
def test_sit_learns_under_learnt_and_under_min_norm_weights(
    balance: Uncertainty | MinNorm,
) -> None:
    log = Log()
    run = engine(
        Sit(SitConfig(balance=balance)),
        source=Rows(signal=values(64)),
        encoders={"signal": AttendingEncoder()},
        views={"signal": Asked()},
        log=log,
        steps=60,
        batch=32,
        optimizer=AdamW(lr=1e-2),
    )
    run.run()
    for task in ("reconstruction", "pretext", "contrast"):
        weights = log.column(f"{task}/weight")
        assert min(weights) >= 0
        assert weights[0] != weights[-1]
        bare = f"{task}/loss" if isinstance(balance, Uncertainty) else f"loss/{task}"
        losses = log.column(bare)
        assert sum(losses[-5:]) < sum(losses[:5]), task


@pytest.mark.parametrize("kind", [Pretext, Sit])
def test_a_step_waits_for_nothing(kind: type[Objective]) -> None:
    objective = kind()
    ctx, both = built(objective, AttendingEncoder()), views()
    with NothingReadBack():
        objective(both, ctx).total().backward()


def parts(losses: Mapping[str, Tensor]) -> dict[str, float]:
    return {name: value.item() for name, value in losses.items()}


def test_two_modalities_have_heads_and_scales_of_their_own() -> None:
    objective = Sit()
    encoders = {name: AttendingEncoder(modality=name) for name in ("signal", "other")}
    specs = {name: encoder.spec for name, encoder in encoders.items()}
    objective.build(specs, DataInfo(tasks=dict.fromkeys(specs, TASKS)))
    both = Views([replace(view, modality=name) for name in specs for view in views()])
    found = objective(both, ToyContext(encoders))
    assert len(parts(found.terms)) == 6
    assert {"pretext/signal", "pretext/other"} <= set(found.terms)
    assert len(list(objective.balance.parameters())) == 6
    assert encoders["signal"].spec.width == WIDTH
