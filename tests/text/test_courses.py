"""MCL: its courses, its notebooks, and where gradients go."""

from __future__ import annotations

import pytest
import torch
from tests.text.toys import batch_of, falls, learner_of, small_bert
from torch import Tensor

from tacit.methods import Learner
from tacit_text.encoders import Bert
from tacit_text.objectives import (
    Courses,
    CoursesConfig,
    GeneratedTokens,
    TokenSwap,
    TokenSwapConfig,
)
from tacit_text.objectives.courses import Exercise, notebook
from tacit_text.objectives.detection import detection
from tacit_text.texts import Texts
from tacit_text.views import Masked

GENERATOR = GeneratedTokens(width=16, depth=1, share=False)


def taught(**changes: float | bool) -> Learner:
    config = CoursesConfig(generator=GENERATOR, **changes)  # type: ignore[arg-type]
    return learner_of(small_bert(), Courses(config), Masked())


def touched(learner: Learner, term: str, texts: Texts) -> tuple[bool, bool]:
    """Whether a term reaches the encoder, and the generator."""
    learner.zero_grad()
    learner(batch_of(texts)).terms[term].backward()
    objective = learner.objective
    assert isinstance(objective, Courses)
    parts = (learner.encoder("text"), objective.generators)
    first, second = (any(p.grad is not None for p in part.parameters()) for part in parts)
    return first, second


def test_detection_is_the_mean_cross_entropy_of_the_tokens_asked_for() -> None:
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, generator=draw, dtype=torch.float64, requires_grad=True)
    wrong, asked = (torch.rand(3, 5, generator=draw) < 0.5 for _ in range(2))
    loss = detection(logits, wrong, asked)
    chance = logits.sigmoid()
    likely = torch.where(wrong, chance, 1 - chance)[asked]
    torch.testing.assert_close(loss, -likely.log().mean())
    (slope,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(slope, (chance - wrong.double()) * asked / asked.sum())
    assert torch.autograd.gradcheck(lambda x: detection(x, wrong, asked), (logits,))


def test_detection_of_nothing_is_nothing() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    none = torch.zeros(2, 3, dtype=torch.bool)
    loss = detection(logits, none, none)
    loss.backward()
    assert loss == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_the_notebook_sorts_what_was_caught_from_what_fooled() -> None:
    #                     right, found wrong; wrong, missed; wrong, caught; no token of the text
    logits = torch.tensor([[-1.0, 2.0, -3.0, 4.0, 5.0]])
    wrong = torch.tensor([[False, False, True, True, False]])
    content = torch.tensor([[True, True, True, True, False]])
    notes = notebook(logits, wrong, content)
    assert notes.caught.tolist() == [[False, False, False, True, False]]
    assert notes.fooled.tolist() == [[False, True, True, False, False]]


def test_what_is_done_again_is_done_in_the_text_as_it_was(encoder: Bert, texts: Texts) -> None:
    subwords = encoder.subwords(texts)
    asked = subwords.content
    exercise = Exercise(subwords=subwords, shown=subwords.ids + 1, asked=asked, hide=True, most=9)
    some = asked & (torch.arange(asked.shape[1]) % 2 == 0)
    again = exercise.only(some)
    assert torch.equal(again.asked, some)
    assert torch.equal(again.shown[~some], subwords.ids[~some])
    assert torch.equal(again.shown[some], subwords.ids[some] + 1)


def test_the_first_course_alone_is_electra(texts: Texts) -> None:
    ours = taught(swap=0.0, insert=0.0, correct=False)
    theirs = learner_of(
        small_bert(), TokenSwap(TokenSwapConfig(source=GENERATOR, weight=50.0)), Masked()
    )
    courses, swap = ours.objective, theirs.objective
    assert isinstance(courses, Courses)
    assert isinstance(swap, TokenSwap)
    swap.sources["text"].load_state_dict(courses.generators["text"].state_dict())
    heads = courses.heads["text"]
    assert isinstance(heads, torch.nn.ModuleDict)
    swap.heads["text"].load_state_dict(heads["replaced"].state_dict())
    own, other = (learner.eval()(batch_of(texts)) for learner in (ours, theirs))
    assert set(own.terms) == {"replaced", "replaced_generator"}
    torch.testing.assert_close(own.terms["replaced"], other.terms["replacement"])
    torch.testing.assert_close(own.terms["replaced_generator"], other.terms["generator"])


def test_no_gradient_goes_through_what_the_generator_writes(texts: Texts) -> None:
    learner = taught()
    for term in ("replaced", "replaced_again", "swapped", "swapped_again", "inserted"):
        assert touched(learner, term, texts) == (True, False), term
    for term in ("replaced_generator", "replaced_generator_again", "swapped_generator"):
        assert touched(learner, term, texts) == (False, True), term


def test_all_parts_learn(texts: Texts) -> None:
    learner = taught()
    learner(batch_of(texts)).total().backward()
    assert not [name for name, p in learner.named_parameters() if p.grad is None]
    assert falls(learner, texts, steps=25) < 0.9


def constant(learner: Learner, score: float) -> None:
    """Heads that score every token the same."""
    objective = learner.objective
    assert isinstance(objective, Courses)
    for part in objective.heads.modules():
        if isinstance(part, torch.nn.Linear) and part.out_features == 1:
            torch.nn.init.zeros_(part.weight)
            torch.nn.init.constant_(part.bias, score)


def test_an_encoder_that_finds_nothing_gives_the_generator_nothing_to_do_again(
    texts: Texts,
) -> None:
    learner = taught()
    constant(learner, -2.0)
    losses = learner(batch_of(texts))
    assert losses.terms["replaced_generator_again"] == 0
    assert losses.terms["swapped_generator_again"] == 0
    missed = 50 * torch.nn.functional.softplus(torch.tensor(2.0))  # all it judged falsely
    torch.testing.assert_close(losses.terms["replaced_again"], missed)


def test_an_encoder_that_suspects_everything_is_corrected_on_what_was_right(texts: Texts) -> None:
    learner = taught()
    constant(learner, 2.0)
    losses = learner(batch_of(texts))
    falsely = 50 * torch.nn.functional.softplus(torch.tensor(2.0))
    torch.testing.assert_close(losses.terms["replaced_again"], falsely)
    assert losses.terms["replaced_generator_again"] > 0
    found: Tensor = losses.metrics["inserted_balanced_accuracy"]
    assert found == 0.5


@pytest.mark.parametrize("setting", [{"ratio": 0.0}, {"swap": 1.0}, {"insert": -0.1}])
def test_shares_out_of_range_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        CoursesConfig(**setting)  # type: ignore[arg-type]
