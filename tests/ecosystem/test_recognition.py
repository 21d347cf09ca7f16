"""A bare file that several plugins can read: the method or the encoder says who is meant."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import tacit
from tacit.api.choice import choose_source, named_data, wanted_modalities
from tacit.api.resolve import resolve_run
from tacit.cli import main
from tacit.plugin import load_plugins

POSTS: dict[str, list[object]] = {
    "text": ["good film", "bad film", "a film"] * 4,
    "stars": [5, 1, 3] * 4,
}
NUMBERS: dict[str, list[object]] = {"height": [1.0, 2.0, 3.0], "weight": [4.0, 5.0, 6.0]}
READERS = {"table": "tabular/files", "text": "text/files"}


@pytest.fixture(params=["csv", "parquet"])
def posts(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Words and numbers: rows to one plugin, texts to another."""
    return write(POSTS, tmp_path / f"posts.{request.param}")


def write(columns: dict[str, list[object]], path: Path) -> Path:
    frame = pd.DataFrame(columns)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path


@pytest.mark.parametrize(
    ("settings", "modality"),
    [
        ({"method": "tabular/scarf"}, "table"),
        ({"method": "scarf"}, "table"),
        ({"method": "text/tsdae"}, "text"),
        ({"method": "simclr", "encoder": "tabular/mlp"}, "table"),
        ({"method": "simclr", "encoder": {"name": "tabular/mlp", "width": 8}}, "table"),
        ({"method": "simclr", "encoder": {"text": {"width": 8}}}, "text"),
    ],
    ids=str,
)
def test_the_method_or_the_encoder_chooses_the_reader(
    settings: dict[str, object], modality: str, posts: Path
) -> None:
    plan = resolve_run({**settings, "data": str(posts)}, where="here")
    assert set(plan.modalities) == {modality}
    assert plan.config.data.name == READERS[modality]


def test_a_method_of_any_modality_does_not_guess(posts: Path) -> None:
    with pytest.raises(ValueError, match=r"tabular/files \(table\), text/files \(text\)") as error:
        resolve_run({"method": "simclr", "data": str(posts)}, where="here")
    assert f"--data tabular/files data.path={posts}, or a method or an encoder" in str(error.value)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_numbers_alone_are_a_table_and_strings_alone_are_texts(suffix: str, tmp_path: Path) -> None:
    numbers = write(NUMBERS, tmp_path / f"numbers.{suffix}")
    texts = write({"text": POSTS["text"]}, tmp_path / f"texts.{suffix}")
    assert named_data(str(numbers))["name"] == "tabular/files"
    assert named_data(str(texts))["name"] == "text/files"


def test_quoted_line_breaks_are_text_not_a_broken_table(tmp_path: Path) -> None:
    path = write({"text": ["one\ntwo", "three"]}, tmp_path / "texts.csv")
    assert named_data(str(path))["name"] == "text/files"


def test_a_folder_of_train_and_test_is_recognised_as_a_file_is(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write(POSTS, tmp_path / f"{part}.csv")
    assert named_data(str(tmp_path), {"table"})["name"] == "tabular/files"
    assert named_data(str(tmp_path), {"text"})["name"] == "text/files"


def test_columns_that_are_no_cells_are_no_table(tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    pd.DataFrame({"bag": [[1, 2], [3]], "name": ["a", "b"]}).to_parquet(path)
    assert named_data(str(path))["name"] == "text/files"


def test_a_run_that_is_evaluated_reads_a_file_as_its_own_modality(posts: Path) -> None:
    for modality, reader in READERS.items():
        chosen = choose_source(load_plugins(), str(posts), where="data", wanted={modality})
        assert chosen.offer is not None
        assert chosen.offer.name == reader


def test_a_broken_file_is_given_to_the_reader_that_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("a,b\n1,2\n1,2,3\n")
    chosen = choose_source(load_plugins(), str(path), where="data", wanted={"table"})
    with pytest.raises(ValueError, match=r"ragged\.csv cannot be read"):
        chosen.make()


def test_what_is_wanted_is_what_both_the_method_and_the_encoder_speak() -> None:
    assert wanted_modalities({"method": "simclr"}) == frozenset()
    assert wanted_modalities({"method": "simclr"}, given={"table"}) == {"table"}
    assert wanted_modalities({"method": "tabular/scarf", "encoder": "vision/vit"}) == {"table"}
    with pytest.raises(ValueError, match="encoders: nothing is called 'tabular/mpl'"):
        wanted_modalities({"method": "simclr", "encoder": "tabular/mpl"})


def test_the_command_line_and_python_read_a_bare_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(POSTS, tmp_path / "posts.csv")
    run = tacit.pretrain(
        "simclr",
        data=path,
        encoder="tabular/mlp",
        out=tmp_path / "python",
        settings={"steps": 1, "batch": 4, "watch_every": 0, "data": {"label": "stars"}},
    )
    assert run.config.data.name == "tabular/files"
    assert len(run.embed().values) == 12
    command = ["pretrain", "scarf", "--data", str(path), "--encoder", "mlp", "--show"]
    assert main([*command, "data.label=stars"]) == 0
    assert 'name = "tabular/files"' in capfd.readouterr().out
