"""Learning to tokenize: entries follow tokens, gradients pass them, the next stage reads codes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.core.needs.toys import Log, Rows, engine
from tests.core.objectives.setting import SIMMIM, values
from tests.core.ranks import answers_of
from tests.core.toys import AttendingEncoder
from torch.nn import functional

from tacit.nn import CrossEntropy, Frozen, PreviousStage, TaughtCodesTarget, TransformerDecoder
from tacit.nn.tokenizer import Tokenizer
from tacit.objectives import (
    MaskedPrediction,
    TokenizerDistillation,
    TokenizerDistillationConfig,
)
from tacit.training.loop import Trainer

SMALL = TransformerDecoder(width=8, depth=1, heads=2)
CONFIG = TokenizerDistillationConfig(codes=4, width=3, decoder=SMALL)


def tokenizer(decay: float = 0.75) -> Tokenizer:
    made = Tokenizer(5, codes=3, width=2, decay=decay)
    made.begin(torch.tensor([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]]))
    return made


def test_entries_are_directions_and_tokens_take_the_one_that_points_most_alike() -> None:
    made = tokenizer()
    torch.testing.assert_close(made.centres.norm(dim=1), torch.ones(3))
    directions = functional.normalize(torch.tensor([[[5.0, 1.0], [-0.1, 0.2], [-3.0, 2.0]]]), dim=2)
    assert made.nearest(directions).tolist() == [[0, 1, 2]]
    tokens = torch.randn(2, 4, 5)
    torch.testing.assert_close(made.directions(tokens).norm(dim=2), torch.ones(2, 4))


def test_a_used_entry_moves_towards_its_tokens_and_an_unused_one_stays() -> None:
    made, before = tokenizer(decay=0.75), tokenizer().centres.clone()
    directions = functional.normalize(torch.tensor([[[1.0, 1.0], [1.0, 0.2], [0.0, 1.0]]]), dim=2)
    codes, counts = torch.tensor([[0, 0, 1]]), torch.tensor([[True, True, False]])
    made.observe(directions, codes, counts)
    made.settle()
    mean = functional.normalize(directions[0, :2].sum(0), dim=0)
    wanted = functional.normalize(0.75 * before[0] + 0.25 * mean, dim=0)
    torch.testing.assert_close(made.centres[0], wanted)
    torch.testing.assert_close(made.centres[1:], before[1:])
    made.settle()  # nothing fell since
    torch.testing.assert_close(made.centres[0], wanted)


def trained(log: Log, *, steps: int = 40) -> Trainer:
    run = engine(
        TokenizerDistillation(CONFIG),
        encoders={"signal": AttendingEncoder()},
        source=Rows(signal=values(24)),
        teachers={"before": Frozen()},
        log=log,
        batch=8,
        steps=steps,
    )
    run.run()
    return run


def test_codes_come_to_tell_what_the_teacher_makes_of_tokens() -> None:
    log = Log()
    trained(log)
    losses = log.column("loss/distillation")
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
    assert log.column("code_perplexity")[-1] > 1.5


def test_the_next_stage_predicts_the_codes_of_the_tokenizer_before() -> None:
    before = trained(Log(), steps=3)
    target = TaughtCodesTarget(codes=4)
    objective = MaskedPrediction(replace(SIMMIM, target=target, loss=CrossEntropy()))
    run = engine(
        objective,
        encoders={"signal": AttendingEncoder()},
        source=Rows(signal=values(24)),
        teachers={"before": PreviousStage()},
        previous=before.learner,
    )
    run.run()
    first = before.learner.objective
    assert isinstance(first, TokenizerDistillation)
    tokens = before.learner.encoder("signal").eval()(values(24)).tokens
    assert tokens is not None
    view = run.learner.views(Rows(signal=values(24)).fetch(range(24)))[0]
    found = objective.target_of("signal")(view, run.learner.context(None))
    assert torch.equal(found, first.tokenizer_of("signal")(tokens))
    assert len(found.unique()) > 1


def test_another_number_of_codes_than_the_stage_before_learnt_is_refused() -> None:
    before = trained(Log(), steps=1)
    objective = MaskedPrediction(
        replace(SIMMIM, target=TaughtCodesTarget(codes=9), loss=CrossEntropy())
    )
    run = engine(
        objective,
        encoders={"signal": AttendingEncoder()},
        teachers={"before": PreviousStage()},
        source=Rows(signal=values(24)),
        previous=before.learner,
    )
    with pytest.raises(ValueError, match="the stage before learnt 4 codes; got 9"):
        run.run()


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 codes"):
        TokenizerDistillationConfig(codes=1)
    with pytest.raises(ValueError, match="decay of at least 0"):
        TokenizerDistillationConfig(decay=1.0)
    with pytest.raises(ValueError, match="at least 2 codes; got 1"):
        TaughtCodesTarget(codes=1)


def test_two_processes_learn_as_one(tmp_path: Path) -> None:
    for found in answers_of("tests.core.objectives.tokenizer_worker", tmp_path, 2):
        assert found["value"] == pytest.approx(1)
        assert found["gradient"] < 1e-6
        assert found["centres"] < 1e-9
