"""E2S2: the tasks of an encoder beside its decoder's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.text.toys import batch_of, falls, learner_of, small_bert
from torch.nn import functional

from tacit.contract import Mask
from tacit.methods import Learner
from tacit_text.objectives import DenoisingConfig, EncoderTasks, EncoderTasksConfig
from tacit_text.objectives.encoding import KEPT, MOVED, REPLACED, Damaged
from tacit_text.texts import Texts
from tacit_text.views import Masked

SMALL = EncoderTasksConfig(decoder=DenoisingConfig(depth=1, heads=2, dropout=0.0))
LONG = Texts(("one two three four five six of the many names that a file has",) * 40)


def taught(config: EncoderTasksConfig) -> Learner:
    return learner_of(small_bert(), EncoderTasks(config), Masked())


def damaged(learner: Learner, texts: Texts) -> Damaged:
    objective, encoder = learner.objective, learner.encoder("text")
    assert isinstance(objective, EncoderTasks)
    ctx = learner.context(batch_of(texts))
    subwords = encoder.subwords(texts)
    return objective._damaged(subwords, encoder, "text", ctx)


def test_the_losses_are_those_of_the_paper(texts: Texts) -> None:
    learner = taught(SMALL)
    losses = learner(batch_of(texts))
    copies = damaged(learner, texts)  # the same draws again
    encoder, objective = learner.encoder("text"), learner.objective
    assert isinstance(objective, EncoderTasks)
    mask = Mask(copies.hidden, "replace")
    masked, noisy = (encoder(each, mask=mask) for each in (copies.masked, copies.noisy))
    assert noisy.tokens is not None
    told = objective.heads["text"](noisy.tokens).log_softmax(-1)
    asked = copies.noisy.content & ~copies.hidden
    noise = -told.gather(-1, copies.kinds[..., None]).squeeze(-1)[asked].mean()
    torch.testing.assert_close(losses.terms["noise"], 0.05 * noise)
    a, b = (functional.normalize(each.pooled, dim=1) for each in (masked, noisy))
    apart = torch.eye(len(a)) * -1e9
    first = torch.cat([a @ b.T, a @ a.T + apart], 1)
    second = torch.cat([b @ a.T, b @ b.T + apart], 1)
    own = torch.arange(len(a))
    contrast = (functional.cross_entropy(first, own) + functional.cross_entropy(second, own)) / 2
    torch.testing.assert_close(losses.terms["contrast"], 0.05 * contrast)


def test_without_its_tasks_for_the_encoder_it_is_denoising(texts: Texts) -> None:
    learner = taught(replace(SMALL, noise=0.0, contrast=0.0))
    losses = learner(batch_of(texts))
    assert set(losses.terms) == {"denoising"}
    copies = damaged(learner, texts)
    encoder, objective = learner.encoder("text"), learner.objective
    assert isinstance(objective, EncoderTasks)
    whole, each = encoder.subwords(texts), []
    for copy in (copies.masked, copies.noisy):
        memory = encoder(copy, mask=Mask(copies.hidden, "replace")).tokens
        table = encoder.table()
        logits = objective.decoders["text"](whole.ids[:, :-1], memory, table, copy.attended)
        targets = whole.ids[:, 1:].masked_fill(~whole.attended[:, 1:], -100)
        each.append(functional.cross_entropy(logits.flatten(0, 1), targets.flatten()))
    torch.testing.assert_close(losses.terms["denoising"], (each[0] + each[1]) / 2)


def test_the_decoder_does_not_see_padding(texts: Texts) -> None:
    learner = taught(SMALL)
    objective, encoder = learner.objective, learner.encoder("text")
    assert isinstance(objective, EncoderTasks)
    decoder = objective.decoders["text"].eval()
    subwords, table = encoder.subwords(texts), encoder.table()
    memory = encoder(subwords).tokens
    assert memory is not None
    there = subwords.attended
    noise = torch.where(there[..., None], memory, memory + 7.0)
    first, second = (decoder(subwords.ids, each, table, there) for each in (memory, noise))
    torch.testing.assert_close(first, second)


def test_what_is_told_of_a_token_is_what_was_done_to_it() -> None:
    config = replace(SMALL, shuffle=0.1, replace=0.1)
    learner = taught(config)
    copies = damaged(learner, LONG)
    same = copies.masked.ids == copies.noisy.ids
    assert torch.equal(copies.kinds == KEPT, same)
    assert not (copies.kinds != KEPT)[~copies.masked.content | copies.hidden].any()
    free = (copies.masked.content & ~copies.hidden).sum()
    moved, replaced = ((copies.kinds == kind).sum() / free for kind in (MOVED, REPLACED))
    assert 0.05 < moved < 0.2  # less than three by 0.1 by 2/3: runs with a mask stay
    assert 0.04 < replaced < 0.16


def test_a_run_of_hidden_words_leaves_one_mask() -> None:
    learner = taught(replace(SMALL, ratio=0.3))
    copies = damaged(learner, LONG)
    assert not (copies.hidden[:, 1:] & copies.hidden[:, :-1]).any()
    assert copies.hidden.any(1).all()
    whole = learner.encoder("text").subwords(LONG)
    gone = 1 - copies.masked.content.sum() / whole.content.sum()
    assert 0.1 < gone < 0.3


def test_contrast_alone_and_noise_alone_reach_the_encoder(texts: Texts) -> None:
    learner = taught(SMALL)
    for term in ("noise", "contrast", "denoising"):
        learner.zero_grad()
        learner(batch_of(texts)).terms[term].backward()
        assert learner.encoder("text").table().grad is not None


def test_all_parts_learn(texts: Texts) -> None:
    learner = taught(SMALL)
    learner(batch_of(texts)).total().backward()
    assert not [name for name, p in learner.named_parameters() if p.grad is None]
    assert falls(learner, texts, steps=20) < 0.9


def test_texts_of_one_word_train() -> None:
    texts = Texts(("Names.", "None", "a"))
    assert torch.isfinite(taught(SMALL)(batch_of(texts)).total())


def test_tasks_without_noise_are_refused() -> None:
    with pytest.raises(ValueError, match="no noise"):
        EncoderTasksConfig(shuffle=0.0, replace=0.0)
