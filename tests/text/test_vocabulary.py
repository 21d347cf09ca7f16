"""New words have rows made of their contexts, and all that was there stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tacit.cli import main
from tacit_text.tokenizers import TokenizerConfig, train_tokenizer
from tacit_text.vocabulary import VocabularyConfig, extend_vocabulary, new_words, open_model

CORPUS = [
    "the enzyme binds the protein",
    "a protein folds and an enzyme waits",
    "Enzyme and protein, protein and enzyme!",
    "the cat sat on the mat",
] * 3
FIVE = VocabularyConfig(words=2, least=5)


def model(words: int, *, head: bool = False) -> Any:
    from transformers import BertConfig, BertForMaskedLM, BertModel

    torch.manual_seed(0)
    kind = BertForMaskedLM if head else BertModel
    return kind(
        BertConfig(
            vocab_size=words,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
        )
    ).eval()


@pytest.fixture
def letters() -> Any:
    """A tokenizer that knows letters and little else."""
    return train_tokenizer(TokenizerConfig(vocabulary=50, least=1), CORPUS)


def test_words_that_save_most_pieces_come_first_and_rare_ones_not_at_all(letters: Any) -> None:
    found = new_words(letters, CORPUS, VocabularyConfig(least=10))
    assert set(found) <= {"enzyme", "protein", "and", "the"}
    assert {"enzyme", "protein"} <= set(found[:3])
    assert all(word.isalnum() for word in found), "punctuation gets no row"


@torch.no_grad()
def test_what_was_there_stays_bit_for_bit(letters: Any) -> None:
    network = model(len(letters))
    rows = network.get_input_embeddings().weight.clone()
    known = "the cat sat on the mat"
    before = network(**letters(known, return_tensors="pt")).last_hidden_state
    words = extend_vocabulary(network, letters, CORPUS, FIVE)
    assert len(words) == 2
    table = network.get_input_embeddings().weight
    assert len(table) == len(rows) + 2
    assert torch.equal(table[: len(rows)], rows)
    assert torch.equal(network(**letters(known, return_tensors="pt")).last_hidden_state, before)


def test_a_new_word_is_one_token_whatever_its_case_and_not_within_others(letters: Any) -> None:
    words = extend_vocabulary(model(len(letters)), letters, CORPUS, FIVE)
    assert letters.tokenize(words[0].upper()) == [words[0]]
    assert words[0] not in letters.tokenize(f"super{words[0]}s")


@torch.no_grad()
def test_a_row_is_the_mean_of_its_contexts_at_the_length_of_the_others(letters: Any) -> None:
    network = model(len(letters))
    table = network.get_input_embeddings().weight.clone()
    config = VocabularyConfig(words=2, least=5, sentences=1, layer=2)
    words = new_words(letters, CORPUS, config)

    def context(word: str) -> Tensor:
        text = next(t for t in CORPUS if word in t.lower())
        encoded = letters(text, return_tensors="pt")
        number = text.lower().split().index(word)
        places = [i for i, w in enumerate(encoded.word_ids()) if w == number]
        states: Tensor = network(**encoded, output_hidden_states=True).hidden_states[2]
        return states[0, places].mean(0)

    raw = torch.stack([context(word) for word in words])
    extend_vocabulary(network, letters, CORPUS, config)
    found = network.get_input_embeddings().weight[len(table) :]
    spread = raw - raw.mean(0)
    length = (table - table.mean(0)).norm(dim=1).mean()
    wanted = table.mean(0) + length * spread / spread.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_row_of_pieces_is_the_mean_of_theirs(letters: Any) -> None:
    network = model(len(letters))
    config = VocabularyConfig(words=1, least=5, start="pieces")
    (word,) = new_words(letters, CORPUS, config)
    pieces = letters(word, add_special_tokens=False)["input_ids"]
    wanted = network.get_input_embeddings().weight[pieces].mean(0)
    extend_vocabulary(network, letters, CORPUS, config)
    torch.testing.assert_close(network.get_input_embeddings().weight[-1], wanted)


def test_a_head_over_the_vocabulary_has_the_new_words_too(letters: Any) -> None:
    network = model(len(letters), head=True)
    extend_vocabulary(network, letters, CORPUS, FIVE)
    logits = network(**letters("the enzyme", return_tensors="pt")).logits
    assert logits.shape[-1] == len(letters)
    assert network.get_output_embeddings().weight is network.get_input_embeddings().weight


def test_what_cannot_be_extended_is_refused(letters: Any) -> None:
    network = model(len(letters))
    with pytest.raises(ValueError, match="no word of the corpus occurs 99 times"):
        extend_vocabulary(network, letters, CORPUS, VocabularyConfig(least=99))
    with pytest.raises(ValueError, match="layer: the model has 2; got 3"):
        extend_vocabulary(network, letters, CORPUS, VocabularyConfig(layer=3))
    with pytest.raises(ValueError, match="is alone: lower"):
        extend_vocabulary(network, letters, CORPUS, VocabularyConfig(words=1))
    with pytest.raises(ValueError, match="sentences: wanted at least 1"):
        VocabularyConfig(sentences=0)
    with pytest.raises(ValueError, match="cannot be loaded"):
        open_model("no/such/folder")


def test_the_command_writes_a_folder_that_an_encoder_opens(
    letters: Any, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from tacit_text.encoders import Transformers, TransformersConfig

    model(len(letters)).save_pretrained(tmp_path / "model")
    letters.save_pretrained(tmp_path / "model")
    (tmp_path / "corpus.txt").write_text("\n".join(CORPUS))
    asked = ["--model", str(tmp_path / "model"), "--data", str(tmp_path / "corpus.txt")]
    out = ["--out", str(tmp_path / "wider"), "--words", "2"]
    assert main(["vocabulary", *asked, *out]) == 0
    assert "2 new words" in capsys.readouterr().out
    encoder = Transformers(TransformersConfig(model=str(tmp_path / "wider")))
    assert "enzyme" in encoder.tokenizer.fast.tokenize("the enzyme")
