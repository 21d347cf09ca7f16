"""Objectives on text against the libraries' own, and what each promises."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.text.toys import batch_of, falls, learner_of, small_bert

from tacit.contract import Mask
from tacit.functional import info_nce
from tacit.nn import CrossEntropy, OwnDecoder, RandomMask, SpanMask, build_decoder
from tacit.nn.token_losses import token_error
from tacit.objectives import MaskedPrediction, SimClr, SimClrConfig
from tacit.objectives.units import spread, units_of
from tacit_text.encoders import Bert, BertConfig
from tacit_text.methods import mlm, mlm_spans
from tacit_text.objectives import (
    ClusterTokens,
    Denoising,
    DenoisingConfig,
    GeneratedTokens,
    RandomTokens,
    TokenSwap,
    TokenSwapConfig,
)
from tacit_text.objectives.corruption import ClusterSource
from tacit_text.texts import Texts
from tacit_text.views import Masked, Mirror, MirrorConfig, Noisy, TwoViews


def test_masked_language_modelling_is_that_of_transformers(encoder: Bert, texts: Texts) -> None:
    from transformers import BertForMaskedLM, DataCollatorForLanguageModeling

    encoder.eval()
    model: Any = BertForMaskedLM(encoder.network.config)
    model.eval()
    model.bert.load_state_dict(encoder.network.state_dict())
    head: Any = build_decoder(OwnDecoder(remask=False), encoder.spec, len(encoder.tokenizer))
    theirs = model.cls.predictions
    with torch.no_grad():
        theirs.bias.normal_()
        theirs.transform.dense.bias.normal_()
        head.embed.weight.copy_(theirs.transform.dense.weight)
        head.network.bias.copy_(theirs.transform.dense.bias)
        head.network.norm.load_state_dict(theirs.transform.LayerNorm.state_dict())
        head.network.prior.copy_(theirs.bias)
    collator = DataCollatorForLanguageModeling(encoder.tokenizer.fast, mlm_probability=0.3, seed=1)
    rows = collator(
        [{"input_ids": encoder.tokenizer.fast(text)["input_ids"]} for text in texts.strings]
    )
    wanted = model(**rows).loss
    subwords = encoder.subwords(texts)
    mask = Mask(rows["input_ids"] == encoder.tokenizer.mask_id, "replace")
    changed = encoder.tokenize(subwords.with_ids(rows["input_ids"]))  # the random tokens among them
    logits = head(encoder(changed, mask=mask), mask, changed)
    asked = rows["labels"] != -100
    got = token_error(CrossEntropy(), logits, encoder.token_targets(texts), asked)
    torch.testing.assert_close(got, wanted)
    got.backward()
    wanted.backward()
    ours, hers = encoder.table().grad, model.bert.get_input_embeddings().weight.grad
    assert ours is not None
    hers[encoder.tokenizer.fast.pad_token_id] = ours[encoder.tokenizer.fast.pad_token_id]
    torch.testing.assert_close(ours, hers, atol=1e-6, rtol=1e-3)


def test_the_contrast_is_that_of_sentence_transformers() -> None:
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")
    draw = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 7, 5, generator=draw, dtype=torch.float64).unbind()
    theirs = losses.MultipleNegativesRankingLoss(torch.nn.Identity(), scale=20.0)
    wanted = theirs.compute_loss_from_embeddings([a, b], torch.empty(0))
    torch.testing.assert_close(info_nce(a, b, temperature=0.05).loss.double(), wanted.double())


def test_whole_words_are_hidden_together(encoder: Bert, texts: Texts) -> None:
    tokens = encoder.tokenize(texts)
    valid, units = units_of(tokens)
    draw = torch.Generator().manual_seed(0)
    rows = tokens.values.shape[:2]
    hidings = RandomMask(ratio=0.4).hidings(
        rows[0], rows[1:], mode="replace", generator=draw, valid=valid
    )
    hidden = spread(hidings[0], tokens, units).mask.hidden
    subwords = encoder.subwords(texts)
    assert not (hidden & ~subwords.content).any()
    for row in range(len(texts)):
        for word in subwords.words[row][subwords.content[row]].unique():
            of_word = hidden[row][subwords.content[row] & (subwords.words[row] == word)]
            assert of_word.all() or not of_word.any()
    assert 0.2 < hidden.sum() / subwords.content.sum() < 0.6


@pytest.mark.parametrize("method", [mlm, mlm_spans])
def test_masked_language_modelling_learns_a_batch_by_heart(method: object, texts: Texts) -> None:
    assert callable(method)
    stage = method().stages[0]
    encoder = small_bert()
    learner = learner_of(encoder, stage.objective(stage.config), Masked())
    assert falls(learner, texts, steps=80) < 0.8


@pytest.mark.parametrize(
    "config",
    [
        TokenSwapConfig(),
        TokenSwapConfig(predict="original"),
        TokenSwapConfig(source=ClusterTokens(clusters=8, refresh=20)),
        TokenSwapConfig(source=GeneratedTokens(width=16, depth=1), weight=50.0),
    ],
    ids=["rts", "slm", "c-rts", "electra"],
)
def test_token_replacement_trains_encoder_and_sources(
    config: TokenSwapConfig, texts: Texts
) -> None:
    encoder = small_bert()
    learner = learner_of(encoder, TokenSwap(config), Masked())
    learner(batch_of(texts)).total().backward()
    silent = [n for n, p in learner.named_parameters() if p.grad is None]
    assert not silent
    assert falls(learner, texts, steps=40) < 0.9


def test_the_generator_gets_no_gradient_of_the_detection(encoder: Bert, texts: Texts) -> None:
    config = TokenSwapConfig(source=GeneratedTokens(width=16, depth=1))
    learner = learner_of(encoder, TokenSwap(config), Masked())
    learner(batch_of(texts)).terms["replacement"].backward()
    objective = learner.objective
    assert isinstance(objective, TokenSwap)
    assert all(p.grad is None for p in objective.sources.parameters())


@pytest.mark.parametrize("share", [True, False])
def test_what_the_generator_learns_of_words_is_the_encoders_where_they_share(
    share: bool, encoder: Bert, texts: Texts
) -> None:
    source = GeneratedTokens(width=16, depth=1, share=share)
    learner = learner_of(encoder, TokenSwap(TokenSwapConfig(source=source)), Masked())
    learner(batch_of(texts)).terms["generator"].backward()
    assert (encoder.table().grad is not None) == share


@pytest.mark.parametrize("source", [RandomTokens(), ClusterTokens(clusters=8)])
def test_only_chosen_tokens_are_exchanged_and_for_ordinary_ones(
    source: RandomTokens | ClusterTokens, encoder: Bert, texts: Texts
) -> None:
    objective = TokenSwap(TokenSwapConfig(source=source))
    learner = learner_of(encoder, objective, Masked())
    subwords = encoder.subwords(texts)
    chosen = subwords.content & (torch.arange(subwords.ids.shape[1]) % 2 == 0)
    ctx = learner.context(batch_of(texts))
    ids = objective.sources["text"](encoder, subwords, Mask(chosen, "replace"), ctx).ids
    assert torch.equal(ids[~chosen], subwords.ids[~chosen])
    assert (ids[chosen] != subwords.ids[chosen]).double().mean() > 0.9
    assert not torch.isin(ids[chosen], torch.tensor(encoder.tokenizer.special)).any()


def test_clusters_that_fool_are_drawn_more_often(encoder: Bert, texts: Texts) -> None:
    source = ClusterSource(ClusterTokens(clusters=2), encoder.spec)
    source.arrange(encoder)
    first, other = (source.ordinary[source.cluster[source.ordinary] == i][:1] for i in (0, 1))
    before = source.confusion[0].clone()
    for _ in range(50):
        one, asked = torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bool)
        source.learn(first[None], first[None], 0 * one, asked)
        source.learn(first[None], other[None], one, asked)
    assert source.confusion[0, 0] < before[0]
    assert source.confusion[0, 1] > before[1]


def test_dropout_makes_the_two_views_of_simcse_differ(encoder: Bert, texts: Texts) -> None:
    learner = learner_of(encoder, SimClr(SimClrConfig(projector=None)), TwoViews())
    learner.train()
    views = learner.views(batch_of(texts))
    assert views[0].value.strings == views[1].value.strings
    ctx = learner.context(batch_of(texts))
    a, b = (each.pooled for each in ctx.encode_each(views, joint=True))
    assert not torch.allclose(a, b)
    learner.eval()
    ctx = learner.context(batch_of(texts))
    a, b = (each.pooled for each in ctx.encode_each(views, joint=True))
    torch.testing.assert_close(a, b)


def test_mirror_masks_a_run_of_characters_of_long_texts(texts: Texts) -> None:
    draw = torch.Generator().manual_seed(0)
    first, second = (view.value.strings for view in Mirror(MirrorConfig())(texts, draw))
    assert first == texts.strings
    gaps = ["\ufffc" in text for text in second]
    assert gaps == [len(text) >= 30 for text in texts.strings]
    assert all(len(b) == len(a) - 2 for a, b, gap in zip(first, second, gaps, strict=True) if gap)


def test_views_repeat_with_the_generator(texts: Texts) -> None:
    def drawn(seed: int) -> Sequence[str]:
        strings: Sequence[str] = Mirror()(texts, torch.Generator().manual_seed(seed))[
            1
        ].value.strings
        return strings

    assert drawn(1) == drawn(1) != drawn(2)
    draw = torch.Generator().manual_seed(1)
    twice = [Mirror()(texts, draw)[1].value.strings for _ in range(2)]
    assert twice[0] != twice[1]


def test_a_schedule_moves_the_share_of_masked_tokens(encoder: Bert, texts: Texts) -> None:
    stage = mlm().stages[0]
    objective = stage.objective(stage.config)
    learner = learner_of(encoder, objective, Masked())
    assert isinstance(objective, MaskedPrediction)
    counted = []
    for ratio in (0.15, 0.6):
        learner.frame.values = {"mask.ratio": ratio}
        batch = batch_of(texts)
        (view,) = learner.views(batch)
        ctx = learner.context(batch)
        content = encoder.token_targets(texts)
        (hiding,) = objective.hidings(encoder.spec, view, content, ctx)
        counted.append(int(hiding.mask.hidden.sum()))
    assert counted[1] > 2.5 * counted[0]


def test_spans_hide_neighbouring_words(encoder: Bert) -> None:
    texts = Texts(("one two three four five six seven eight nine ten eleven twelve",) * 4)
    tokens = encoder.tokenize(texts)
    valid, units = units_of(tokens)
    draw = torch.Generator().manual_seed(0)
    shape = tokens.values.shape
    (hiding,) = SpanMask(ratio=0.25, length=3).hidings(
        shape[0], shape[1:2], mode="replace", generator=draw, valid=valid
    )
    hidden = spread(hiding, tokens, units).mask.hidden
    assert (hidden.sum(1) >= 3).all()


def test_denoising_is_that_of_sentence_transformers(tmp_path: Path, texts: Texts) -> None:
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    torch.manual_seed(0)
    encoder = Bert(BertConfig(width=32, depth=2, heads=4, max_tokens=48, pool="cls")).eval()
    encoder.exports()["sentence-transformers"](tmp_path)
    model = sentence_transformers.SentenceTransformer(str(tmp_path), device="cpu").eval()
    theirs = losses.DenoisingAutoEncoderLoss(
        model, decoder_name_or_path=str(tmp_path), tie_encoder_decoder=False
    ).eval()
    learner = learner_of(encoder, Denoising(DenoisingConfig()), Noisy()).eval()
    objective: Any = learner.objective
    decoder = objective.decoders["text"]
    state = {k: v for k, v in theirs.decoder.bert.state_dict().items() if "word_embed" not in k}
    decoder.blocks.load_state_dict(state)
    decoder.transform.load_state_dict(theirs.decoder.cls.predictions.transform.state_dict())
    with torch.no_grad():
        decoder.prior.copy_(theirs.decoder.cls.predictions.bias)
    views = learner.views(batch_of(texts))
    rows = [model.tokenize(list(view.value.strings)) for view in views]
    wanted = theirs(rows, torch.empty(0))
    torch.testing.assert_close(learner(batch_of(texts), views).total(), wanted)


def test_words_are_deleted_and_one_stays(texts: Texts) -> None:
    views = Noisy()(texts, torch.Generator().manual_seed(0))
    assert [view.role for view in views] == ["noisy", "target"]
    kept = sum(len(text.split()) for text in views[0].value.strings)
    assert 0.2 < kept / sum(len(text.split()) for text in texts.strings) < 0.6
    assert min(len(text) for text in views[0].value.strings) > 0
