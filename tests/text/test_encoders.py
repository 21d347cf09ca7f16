"""Encoders of text: masks, poolings, words in order, and files that others load."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tacit.contract import Mask
from tacit_text.encoders import Bert, BertConfig, Transformers, TransformersConfig, Words
from tacit_text.encoders.words import WordsConfig, product
from tacit_text.texts import Texts


def test_padding_changes_no_embedding(encoder: Bert, texts: Texts) -> None:
    encoder.eval()
    together = encoder(texts).pooled
    alone = torch.cat([encoder(texts[i : i + 1]).pooled for i in range(len(texts))])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_what_is_hidden_has_no_influence(encoder: Bert) -> None:
    encoder.eval()
    a, b = Texts(("return the open files",)), Texts(("return the named files",))
    first, second = encoder.subwords(a), encoder.subwords(b)
    assert first.ids.shape == second.ids.shape
    mask = Mask(first.ids != second.ids, "replace")
    assert mask.hidden.any()
    hidden = [encoder(value, mask=mask).pooled for value in (a, b)]
    torch.testing.assert_close(hidden[0], hidden[1])
    assert not torch.allclose(encoder(a).pooled, encoder(b).pooled)


@pytest.mark.parametrize(("width", "deviation"), [(48, 0.08), (192, 0.04), (768, 0.02)])
def test_first_weights_are_berts_and_larger_where_it_is_narrower(
    width: int, deviation: float
) -> None:
    torch.manual_seed(0)
    network = Bert(BertConfig(width=width, depth=1, max_tokens=48)).network
    dense = network.encoder.layer[0].intermediate.dense
    assert float(dense.weight.detach().std()) == pytest.approx(deviation, rel=0.03)
    assert not dense.bias.any()


def test_a_hidden_token_is_the_mask_token_of_the_tokenizer(encoder: Bert, texts: Texts) -> None:
    encoder.eval()
    subwords = encoder.subwords(texts)
    hidden = subwords.content & (torch.arange(subwords.ids.shape[1]) % 3 == 0)
    assert encoder.tokenizer.mask_id is not None
    masked = torch.where(hidden, encoder.tokenizer.mask_id, subwords.ids)
    direct = encoder.network(
        input_ids=masked, attention_mask=subwords.attended.long()
    ).last_hidden_state
    torch.testing.assert_close(encoder(texts, mask=Mask(hidden, "replace")).tokens, direct)


def test_poolings(texts: Texts) -> None:
    answers = {}
    for pool in ("cls", "mean", "first-last"):
        torch.manual_seed(0)
        config = BertConfig(width=32, depth=2, heads=2, max_tokens=48, pool=pool)
        answers[pool] = Bert(config).eval()(texts, taps=(1, 2))
    last = answers["mean"]
    assert last.tokens is not None
    torch.testing.assert_close(answers["cls"].pooled, last.tokens[:, 0])
    there = Bert(BertConfig(max_tokens=48)).subwords(texts).attended[..., None]
    mean = [(layer * there).sum(1) / there.sum(1) for layer in (last.layers[1], last.layers[2])]
    torch.testing.assert_close(last.pooled, mean[1])
    torch.testing.assert_close(answers["first-last"].pooled, (mean[0] + mean[1]) / 2)


def test_cbow_is_blind_to_order_and_cmow_is_not() -> None:
    one, other = Texts(("return open files",)), Texts(("files open return",))
    same = {}
    for kind in ("cbow", "cmow"):
        encoder = Words(WordsConfig(kind=kind, width=16)).eval()
        same[kind] = torch.allclose(encoder(one).pooled, encoder(other).pooled, atol=1e-6)
    assert same == {"cbow": True, "cmow": False}


def test_matrices_are_multiplied_in_order() -> None:
    matrices = torch.randn(2, 5, 9, generator=torch.Generator().manual_seed(0))
    valid = torch.tensor([[True] * 5, [False, True, True, False, True]])
    expected = []
    for row, there in zip(matrices, valid, strict=True):
        whole = torch.eye(3)
        for matrix in row[there]:
            whole = whole @ matrix.view(3, 3)
        expected.append(whole.flatten())
    torch.testing.assert_close(product(matrices, valid), torch.stack(expected))


def test_a_width_that_is_no_square_is_refused() -> None:
    with pytest.raises(ValueError, match="square number; got 20, near 16"):
        WordsConfig(kind="cmow", width=20)


@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_exports_give_the_same_embeddings(pool: str, texts: Texts, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    sentence_transformers = pytest.importorskip("sentence_transformers")
    config = BertConfig(width=32, depth=2, heads=2, max_tokens=48, pool=pool)  # type: ignore[arg-type]
    encoder = Bert(config).eval()
    writers = encoder.exports()
    writers["transformers"](tmp_path / "hf")
    writers["sentence-transformers"](tmp_path / "st")
    ours = encoder(texts)
    rows = AutoTokenizer.from_pretrained(tmp_path / "hf")(
        list(texts.strings), padding=True, return_tensors="pt"
    )
    theirs = AutoModel.from_pretrained(tmp_path / "hf", add_pooling_layer=False)(**rows)
    torch.testing.assert_close(ours.tokens, theirs.last_hidden_state, atol=1e-5, rtol=1e-4)
    model = sentence_transformers.SentenceTransformer(str(tmp_path / "st"), device="cpu")
    assert model.max_seq_length == 48
    embedded = model.encode(list(texts.strings), convert_to_tensor=True)
    torch.testing.assert_close(ours.pooled, embedded, atol=1e-5, rtol=1e-4)
    again = Transformers(TransformersConfig(model=str(tmp_path / "hf"), pool=pool)).eval()  # type: ignore[arg-type]
    torch.testing.assert_close(ours.pooled, again(texts).pooled, atol=1e-5, rtol=1e-4)


def test_a_configuration_gives_random_weights(encoder: Bert, texts: Texts, tmp_path: Path) -> None:
    encoder.exports()["transformers"](tmp_path)
    config = TransformersConfig(model=str(tmp_path), pretrained=False)
    fresh = Transformers(config).eval()
    assert fresh.spec.width == 32
    assert not torch.allclose(fresh(texts).pooled, encoder.eval()(texts).pooled)


def test_first_last_pooling_is_no_sentence_transformer(tmp_path: Path) -> None:
    encoder = Bert(BertConfig(width=8, depth=1, heads=1, pool="first-last"))
    with pytest.raises(ValueError, match="no first-last pooling"):
        encoder.exports()["sentence-transformers"](tmp_path)


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be loaded.*Name a folder"):
        Transformers(TransformersConfig(model=str(tmp_path / "nowhere")))
