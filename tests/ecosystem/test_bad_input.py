"""What cannot work is refused in one clear line, before training, leaving no run folder behind."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from tacit.cli import main
from tacit_vision.encoders import ViT

SETTINGS = (
    "steps=2 batch=16 watch_every=0 workers=0 encoder.patch=4 encoder.width=16 encoder.depth=1 "
    "encoder.heads=2 objective.projector.widths=[8]"
)
TINY = SETTINGS.split()
DIGITS = ["--data", "vision/digits"]


def refusal(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    """The one line an error is."""
    capfd.readouterr()
    assert main(arguments) == 2
    out, error = capfd.readouterr()
    assert out == ""
    assert error.startswith("tacit: error: ")
    assert error.count("\n") == 1
    return error


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    assert main(["pretrain", "simclr", *DIGITS, "--out", str(out), "--no-evaluate", *TINY]) == 0
    return out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("simclrr", "nothing is called 'simclrr'; did you mean 'simclr'"),
        ("simclr --encoder vision/vitt", "did you mean 'vision/vit'"),
        ("simclr epoch=3", "epoch: unknown key; did you mean 'epochs'?"),
        ("simclr bacth=3", "bacth: unknown key; did you mean 'batch'?"),
        ("simclr encoder.widht=3", "encoder.image.widht: unknown key; did you mean 'width'?"),
        ("simclr views.sizee=3", "views.image.sizee: unknown key; did you mean 'size'?"),
        ("simclr data.sizee=9", "data.sizee: unknown key; did you mean 'size'?"),
        ("simclr objective.temperatur=1", "temperatur: unknown key; did you mean 'temperature'?"),
        ("simclr objective.temperature=hot", "temperature: wanted number, got 'hot'"),
        ("simclr optimizer.kind=rmsprop", "optimizer.kind: wanted one of adamw,"),
        ("simclr data.split=nope", "data.split: wanted 'train', 'test' or 'all', got 'nope'"),
        ("simclr seed=x", "seed: wanted whole number, got 'x'"),
        ("simclr epochs=3 steps=3", "wanted either epochs or steps"),
        ("simclr batch=5000", "wanted at most the 1437 instances of the data; got 5000"),
        ("simclr batch=1", "needs batches of at least 2; got 1"),
        ("simclr accumulate=3", "3 parts do not divide a batch of 256"),
        ("simclr clip=-1", "clip: wanted above 0, or none; got -1"),
        ("simclr workers=-1", "workers: wanted at least 0; got -1"),
        ("simclr watch_every=-1", "watch_every: wanted at least 0; got -1"),
        ("simclr encoder.patch=3", "wanted a multiple of patch, 3"),
        ("simclr encoder.heads=7", "wanted a multiple of heads, 7"),
        ("simclr steps=3 schedules.lr_factor.warmup=9", "warmup: wanted at most the 3 steps"),
        ("simclr device=gpu", "device: wanted auto, cpu, cuda or cuda:N; got 'gpu'"),
        ("simclr half", "wanted key=value"),
        ("mae --encoder vision/resnet", "image encoders that fit mae: vision/vit"),
        ("mae objective.mask.ratio=1.5", "mask.ratio: wanted more than 0 and less than 1"),
        ("missing.toml", "missing.toml: no such run file"),
    ],
)
def test_a_setting_that_cannot_work_is_named(
    given: str, said: str, elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    method, *settings = given.split()
    assert said in refusal(["pretrain", method, *DIGITS, *settings], capfd)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_named(
    elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    error = refusal(["pretrain", "simclr", *DIGITS, "device=cuda"], capfd)
    assert "cuda was asked for, but torch sees no GPU; use device=cpu" in error
    assert list(elsewhere.iterdir()) == []


def test_a_seed_is_a_whole_number(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["pretrain", "simclr", *DIGITS, "--seed", "x"])
    assert "argument --seed: invalid int value: 'x'" in capfd.readouterr().err


def test_an_unknown_key_of_a_run_file_is_named(
    elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = elsewhere / "mine.toml"
    file.write_text('method = "simclr"\nsed = 3\n[data]\nname = "vision/digits"\n')
    error = refusal(["pretrain", "mine.toml"], capfd)
    assert "mine.toml: sed: unknown key; did you mean 'seed'?" in error
    assert list(elsewhere.iterdir()) == [file]


def picture(path: Path, *shape: int) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(numpy.zeros(shape, numpy.uint8)).save(path)


def test_data_that_cannot_be_read_is_named(
    elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("empty", "broken"):
        (elsewhere / name).mkdir()
    (elsewhere / "broken" / "a.png").write_text("no image")
    for number in range(4):
        picture(elsewhere / "channels" / f"{number}.png", *((8, 8, 3) if number % 2 else (8, 8)))
        picture(elsewhere / "sizes" / f"{number}.png", 8, 8 + number % 2, 3)
    said = {
        "empty": "no such path, or nothing in it that an installed source reads",
        "broken": "a.png: not an image",
        "channels": "images must all be grey (L) or all be colour (RGB)",
        "sizes": "images differ in size",
        "absent/folder/of/mine": "absent/folder/of/mine",
    }
    for name, words in said.items():
        assert words in refusal(["pretrain", "simclr", "--data", name, *TINY], capfd)
    assert "data: wanted a path" in refusal(["pretrain", "simclr"], capfd)
    assert not (elsewhere / "runs").exists()


def test_a_run_with_other_settings_is_not_gone_on_with(
    finished: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    again = ["pretrain", "simclr", *DIGITS, "--out", str(finished), *TINY, "steps=4"]
    error = refusal(again, capfd)
    assert "another run lies here" in error
    assert "training.steps: 2 there, 4 now" in error
    again[1] = "barlow-twins"
    assert "method: 'simclr' there, 'barlow-twins' now" in refusal(again, capfd)


def test_a_folder_of_something_else_is_left_alone(
    elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "mine").mkdir()
    (elsewhere / "mine" / "thesis.tex").write_text("years of work")
    command = ["pretrain", "simclr", *DIGITS, *TINY, "--out"]
    assert "holds files but no run.toml" in refusal([*command, "mine"], capfd)
    thesis = elsewhere / "mine" / "thesis.tex"
    assert "cannot write to" in refusal([*command, str(thesis)], capfd)
    assert "cannot write to" in refusal([*command, str(thesis / "run")], capfd)
    assert thesis.read_text() == "years of work"


def test_verbs_on_a_folder_without_a_run_say_so(
    elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "empty").mkdir()
    for verb in (["evaluate"], ["embed", "--out", "x.parquet"], ["export", "--format", "timm"]):
        more = ["out"] if verb[0] == "export" else []
        for folder in ("empty", "absent"):
            error = refusal([verb[0], folder, *more, *verb[1:]], capfd)
            assert f"{folder}: no run lies here" in error


def test_files_that_exist_are_not_written_over(
    finished: Path, elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "there").mkdir()
    (elsewhere / "there" / "x.parquet").write_text("precious")
    embed = ["embed", str(finished), "--out"]
    assert "exists already" in refusal([*embed, "there/x.parquet"], capfd)
    assert "cannot write" in refusal([*embed, "there/x.parquet/y.parquet"], capfd)
    assert "holds files already" in refusal(["export", str(finished), "there"], capfd)
    assert (elsewhere / "there" / "x.parquet").read_text() == "precious"


def test_an_export_format_is_one_the_encoder_knows(
    finished: Path, elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    error = refusal(["export", str(finished), "out", "--format", "pkl"], capfd)
    assert "can be written as safetensors" in error
    assert "got 'pkl'" in error
    assert not (elsewhere / "out").exists()


def test_labels_that_are_missing_are_missed_before_anything_is_embedded(
    finished: Path,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for number in range(4):
        picture(elsewhere / "unlabelled" / f"{number}.png", 8, 8)

    def forward(*_: object, **__: object) -> None:
        raise AssertionError("embedded before looking for labels")

    monkeypatch.setattr(ViT, "forward", forward)
    error = refusal(["evaluate", str(finished), "--data", "unlabelled"], capfd)
    assert "no labels to probe with" in error
    assert "--probes" in error
