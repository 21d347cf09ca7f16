"""Checkpoints are whole or absent, say what is wrong with them, and never run code."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file, save_file

from tacit.training import checkpoint
from tacit.training.parallel import World

ALONE = World(device=torch.device("cpu"))
SOURCES = Path(__file__).parents[3] / "core" / "src"


def state(value: float) -> dict[str, Any]:
    shared = torch.full((3, 2), value)
    return {
        "weights": {"a": shared, "same memory": shared, "none": None},
        "by number": {0: {"step": torch.tensor(value), "betas": (0.9, 0.99)}, 1: [True, "word"]},
        "empty": torch.zeros(0),
    }


def save(folder: Path, step: int, keep: int = 2) -> Path:
    return checkpoint.save(folder, step, state(step), {"own": step}, world=ALONE, keep=keep)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    shared, own = checkpoint.load(save(tmp_path, 3), world=ALONE)
    assert own == {"own": 3}
    assert shared["by number"][0]["betas"] == (0.9, 0.99)
    assert shared["by number"][1] == [True, "word"]
    assert shared["weights"]["none"] is None
    assert torch.equal(shared["weights"]["same memory"], torch.full((3, 2), 3.0))
    assert shared["by number"][0]["step"].shape == ()
    assert shared["empty"].shape == (0,)


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for step in (9, 10, 11, 100):
        save(tmp_path, step)
    assert names(tmp_path) == ["step-00000011", "step-00000100"]
    assert [path.name for path in checkpoint.steps(tmp_path)] == names(tmp_path)


@pytest.mark.parametrize("part", ["save_file", "_seal", "_sync"])
def test_a_failure_while_saving_leaves_the_one_before_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    before = save(tmp_path, 1)

    def fail(*_: object) -> None:
        raise RuntimeError("pulled the plug")

    with monkeypatch.context() as broken:
        broken.setattr(checkpoint, part, fail)
        with pytest.raises(RuntimeError, match="pulled the plug"):
            save(tmp_path, 2, keep=1)
    assert names(tmp_path) == ["step-00000001"]
    checkpoint.load(before, world=ALONE)
    save(tmp_path, 2, keep=1)
    assert names(tmp_path) == ["step-00000002"]


def test_what_a_killed_run_left_half_written_is_no_checkpoint_and_is_swept(tmp_path: Path) -> None:
    save(tmp_path, 1)
    for left in (".step-00000002.draft", ".step-00000000.gone"):
        shutil.copytree(tmp_path / "step-00000001", tmp_path / left)
    assert [path.name for path in checkpoint.steps(tmp_path)] == ["step-00000001"]
    save(tmp_path, 3)
    assert names(tmp_path) == ["step-00000001", "step-00000003"]


@pytest.mark.parametrize("file", ["state.safetensors", "state.json", "rank-0.json"])
@pytest.mark.parametrize("how", ["changed", "shortened", "missing"])
def test_corruption_is_noticed_and_the_mend_is_named(tmp_path: Path, file: str, how: str) -> None:
    path = save(tmp_path, 1)
    content = bytearray((path / file).read_bytes())
    if how == "missing":
        (path / file).unlink()
    else:
        content[-1] ^= 1
        (path / file).write_bytes(content if how == "changed" else content[:-1])
    for load in (lambda: checkpoint.load(path, world=ALONE), lambda: checkpoint.load_shared(path)):
        with pytest.raises(ValueError, match=rf"corrupted checkpoint .*{file} is missing or chang"):
            load()
    with pytest.raises(ValueError, match="remove that folder to go on from the checkpoint before"):
        checkpoint.verify(path)


def test_an_unreadable_manifest_is_corruption_too(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    for content in ("", "{}", '{"files": 3}', "[]"):
        (path / "manifest.json").write_text(content)
        with pytest.raises(ValueError, match=r"corrupted checkpoint .*manifest.json; remove that"):
            checkpoint.verify(path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(ValueError, match="wanted format 1; got 99: it was written by another vers"):
        checkpoint.verify(path)


def test_another_number_of_processes_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    two = World(device=torch.device("cpu"), rank=1, size=2)
    with pytest.raises(ValueError, match="written by 1 processes; this run has 2"):
        checkpoint.load(path, world=two)


class Usage(NamedTuple):
    free: int


def test_a_disk_without_room_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free=3 << 20))
    with pytest.raises(ValueError, match="need 8 MiB free; the disk has 3 MiB"):
        checkpoint.room_for(tmp_path / "run", 8 << 20)
    checkpoint.room_for(tmp_path / "run", 2 << 20)
    assert names(tmp_path / "run") == []


@pytest.mark.parametrize("hidden", [False, True], ids=["by the system", "by safetensors"])
def test_a_disk_that_fills_up_keeps_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: bool
) -> None:
    before = save(tmp_path, 1)

    def full(*_: object) -> None:
        if hidden:
            raise RuntimeError("I/O error: No space left on device (os error 28)")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(ValueError, match="is full: the checkpoint was not written, the one before"):
        save(tmp_path, 2)
    assert names(tmp_path) == ["step-00000001"]
    checkpoint.load(before, world=ALONE)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"cannot write to .*Choose a folder you may write to"):
        checkpoint.room_for(tmp_path / "file" / "run", 1)


def test_nothing_in_the_core_unpickles() -> None:
    for path in SOURCES.rglob("*.py"):
        text = path.read_text()
        for word in ("torch.load(", "torch.save(", "import pickle", "marshal", "_object_list("):
            assert word not in text, f"{path.name}: {word}"


def test_files_are_plain_safetensors(tmp_path: Path) -> None:
    save_file(load_file(save(tmp_path, 1) / "state.safetensors"), tmp_path / "again")
