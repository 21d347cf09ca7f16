"""Tokenizers: what they know of texts, what they refuse, and how they are trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tacit_text.data import Docstrings, DocstringsConfig, Files, FilesConfig
from tacit_text.encoders import Bert, BertConfig, Transformers, TransformersConfig
from tacit_text.modality import Preprocessing, Text
from tacit_text.texts import GAP, Texts
from tacit_text.tokenizers import ENGLISH, TokenizerConfig, open_tokenizer, train_tokenizer
from tacit_text.tokenizers.training import save_tokenizer

CPU = torch.device("cpu")


def test_special_tokens_and_padding_are_no_content(texts: Texts) -> None:
    tokenizer = open_tokenizer(ENGLISH, longest=48)
    subwords = tokenizer(texts, CPU)
    special = torch.isin(subwords.ids, torch.tensor(tokenizer.special))
    assert torch.equal(subwords.content, ~special)
    assert torch.equal(subwords.attended, subwords.ids != tokenizer.fast.pad_token_id)
    assert subwords.content.sum(1).min() > 0


def test_rows_are_padded_to_the_longest_of_their_batch(texts: Texts) -> None:
    tokenizer = open_tokenizer(ENGLISH, longest=48)
    assert tokenizer(texts, CPU).ids.shape[1] == max(tokenizer.lengths(texts))
    assert tokenizer(texts[4:5], CPU).ids.shape[1] < tokenizer(texts, CPU).ids.shape[1]


def test_parts_of_a_word_share_its_number() -> None:
    tokenizer = open_tokenizer(ENGLISH, longest=48)
    subwords = tokenizer(Texts(("an antidisestablishmentarianism",)), CPU)
    numbers = subwords.words[subwords.content].tolist()
    assert numbers[0] == 0
    assert len(numbers) > 3
    assert set(numbers[1:]) == {1}


def test_a_gap_becomes_the_mask_token() -> None:
    tokenizer = open_tokenizer(ENGLISH, longest=48)
    ids = tokenizer(Texts((f"return {GAP} files",)), CPU).ids
    assert ids.flatten().tolist().count(tokenizer.mask_id) == 1


def test_a_batch_asked_for_twice_is_tokenised_once(texts: Texts) -> None:
    tokenizer = open_tokenizer(ENGLISH, longest=48)
    assert tokenizer(texts, CPU) is tokenizer(texts, CPU)
    assert tokenizer.seen == len(texts)


@pytest.mark.parametrize("text", ["", "[SEP] [CLS]", "  \n"])
def test_a_text_of_special_tokens_alone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no token besides special ones"):
        open_tokenizer(ENGLISH, longest=48)(Texts((text,)), CPU)


def test_texts_are_cut_only_when_asked_for_and_counted() -> None:
    long = Texts(("return " * 60, "short"))
    with pytest.raises(ValueError, match=r"1 of 2 texts.*more than 16.*truncate=true"):
        open_tokenizer(ENGLISH, longest=16)(long, CPU)
    cutting = open_tokenizer(ENGLISH, longest=16, truncate=True)
    subwords = cutting(long, CPU)
    assert subwords.ids.shape == (2, 16)
    assert subwords.ids[0, -1] == cutting.fast.sep_token_id
    assert (cutting.cut, cutting.seen) == (1, 2)


def test_a_survey_of_the_data_finds_long_texts_before_training() -> None:
    values = [Texts(("return " * 60, "short")), Texts(("brief",))]
    known = Preprocessing(
        tokenizer=ENGLISH, vocabulary=4096, rows=4096, features=8, max_tokens=16, truncate=False
    )
    with pytest.raises(ValueError, match="1 of 3 texts have more than 16 tokens, the longest 62"):
        Text().survey(known, iter(values))
    cutting = Preprocessing(
        tokenizer=ENGLISH, vocabulary=4096, rows=4096, features=8, max_tokens=16, truncate=True
    )
    with pytest.warns(UserWarning, match="they are cut, which loses 46 tokens"):
        Text().survey(cutting, iter(values))


@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])
def test_a_trained_tokenizer_opens_by_its_folder(kind: str, tmp_path: Path, texts: Texts) -> None:
    corpus = Docstrings(DocstringsConfig()).texts()[:300]
    config = TokenizerConfig(kind=kind, vocabulary=600)  # type: ignore[arg-type]
    made = train_tokenizer(config, corpus)
    save_tokenizer(made, tmp_path / "tokenizer")
    opened = open_tokenizer(str(tmp_path / "tokenizer"), longest=200)
    assert len(opened) == len(made) <= 600
    subwords = opened(texts, CPU)
    assert (subwords.ids[:, 0] == opened.fast.cls_token_id).all()
    back = opened.fast.decode(subwords.ids[3][subwords.content[3]])
    assert back.replace(" ", "").lower() == texts[3].replace(" ", "").lower()
    with pytest.raises(ValueError, match="holds files already"):
        save_tokenizer(made, tmp_path / "tokenizer")


def test_bytes_know_every_character(tmp_path: Path) -> None:
    made = train_tokenizer(TokenizerConfig(kind="bpe", vocabulary=300), ["only plain letters"] * 3)
    save_tokenizer(made, tmp_path / "tokenizer")
    opened = open_tokenizer(str(tmp_path / "tokenizer"), longest=64)
    ids = opened(Texts(("žluťoučký 日本",)), CPU).ids
    assert not (ids == opened.fast.unk_token_id).any()


def test_an_empty_corpus_trains_no_tokenizer() -> None:
    with pytest.raises(ValueError, match="holds no text"):
        train_tokenizer(TokenizerConfig(), ["", " "])


def test_an_unknown_tokenizer_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be loaded.*tacit tokenizer trains one"):
        open_tokenizer(str(tmp_path / "nowhere"), longest=16)


def test_a_tokenizer_too_large_for_the_model_is_refused(tmp_path: Path) -> None:
    small = Bert(BertConfig(width=8, depth=1, heads=1, max_tokens=16))
    small.network.resize_token_embeddings(1000)
    small.network.save_pretrained(str(tmp_path))
    with pytest.raises(ValueError, match="4096 tokens and the model embeds 1000"):
        Transformers(TransformersConfig(model=str(tmp_path), tokenizer=ENGLISH))


def test_weights_refuse_a_tokenizer_that_has_changed_since(tmp_path: Path) -> None:
    corpus = Docstrings(DocstringsConfig()).texts()[:100]
    for name, words in (("a", corpus), ("b", corpus[50:])):
        made = train_tokenizer(TokenizerConfig(kind="bpe", vocabulary=300), words)
        save_tokenizer(made, tmp_path / name)
    size = {"width": 8, "depth": 1, "heads": 1}
    a = Bert(BertConfig(tokenizer=str(tmp_path / "a"), **size))  # type: ignore[arg-type]
    b = Bert(BertConfig(tokenizer=str(tmp_path / "b"), **size))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not the one these weights were trained with"):
        b.load_state_dict(a.state_dict())


def test_files_of_every_kind_give_the_same_texts(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    rows = ["one line", "another, with a comma", "a third"]
    table = pa.table({"text": rows, "label": ["b", "a", "b"]})
    (tmp_path / "a.txt").write_text("\n".join(rows))
    pq.write_table(table, tmp_path / "a.parquet")
    csv.write_csv(table, tmp_path / "a.csv")
    lines = [f'{{"text": "{text}", "label": "b"}}' for text in rows]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    for suffix in ("txt", "parquet", "csv", "jsonl"):
        source = Files(FilesConfig(path=str(tmp_path / f"a.{suffix}")))
        assert source.texts() == rows
        assert source.fetch([2, 0]).values["text"].strings == (rows[2], rows[0])
    source = Files(FilesConfig(path=str(tmp_path / "a.parquet")))
    assert source.labels().tolist() == [1, 0, 1]  # type: ignore[union-attr]
    assert source.label_names == ("a", "b")


def test_a_wrong_column_names_those_that_are_there(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"sentence": ["a b"], "title": ["c"], "score": [1.0]}), path)
    with pytest.raises(ValueError, match=r"several columns of strings.*name it with text="):
        Files(FilesConfig(path=str(path)))
    with pytest.raises(ValueError, match="no column 'sentense'; did you mean 'sentence'"):
        Files(FilesConfig(path=str(path), text="sentense"))
    with pytest.raises(ValueError, match="column 'score' holds no strings"):
        Files(FilesConfig(path=str(path), text="score"))


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\x89PNG\r\n\xff\xfe\x00\x80")
    with pytest.raises(ValueError, match="not UTF-8 text"):
        Files(FilesConfig(path=str(tmp_path / "a.txt")))
    (tmp_path / "b.parquet").write_bytes(b"\x00\x01\x02\x03 no parquet")
    with pytest.raises(ValueError, match="cannot be read as parquet"):
        Files(FilesConfig(path=str(tmp_path / "b.parquet")))


def test_empty_texts_are_an_error_or_counted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\ntwo\n")
    with pytest.raises(ValueError, match=r"(?s)1 of 3 texts cannot be read.*on_error"):
        Files(FilesConfig(path=str(tmp_path / "a.txt")))
    with pytest.warns(UserWarning, match="1 of 3 texts"):
        source = Files(FilesConfig(path=str(tmp_path / "a.txt"), on_error="skip"))
    assert (len(source), source.skipped) == (2, ("text 1: empty",))


def test_packing_loses_no_word_and_keeps_their_order(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a b c\nd e f g h\ni\n")
    source = Files(FilesConfig(path=str(tmp_path / "a.txt"), pack=4))
    assert source.texts() == ["a b c d", "e f g h", "i"]


def test_splits_are_told_by_file_names(tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.txt").write_text(f"a {name} line")
    config = FilesConfig(path=str(tmp_path))
    assert Files.splits(config) == ("train", "test")
    assert Files(config).texts() == ["a train line"]
    assert Files(FilesConfig(path=str(tmp_path), split="test")).texts() == ["a test line"]
    with pytest.raises(ValueError, match="no split 'dev'; there are: train, test"):
        Files(FilesConfig(path=str(tmp_path), split="dev"))


def test_docstrings_of_train_and_test_are_apart() -> None:
    train, test = (Docstrings(DocstringsConfig(split=s, words=None)) for s in ("train", "test"))
    assert len(train) > 1000
    assert not set(train.texts()) & set(test.texts())
    assert set(train.labels().tolist()) == set(range(6))  # type: ignore[union-attr]
