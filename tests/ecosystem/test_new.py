"""What `tacit new` writes installs, lists, trains and passes its own tests as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.ecosystem.house import ROOT
from tests.ecosystem.installed import install, python, tacit

from tacit.cli import main
from tacit.scaffold import KINDS, names, write_package

LENGTH = ["epochs=1", "batch=32", "workers=0", "watch_size=64"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_lists_trains_and_passes_its_own_tests(kind: str, tmp_path: Path) -> None:
    folder = write_package(kind, "acme-wave", tmp_path / "package")
    path = [install(folder, tmp_path / "site"), tmp_path / "site"]
    method = "simclr" if kind == "modality" else "acme-wave/method"
    data = "vision/digits" if kind == "method" else "acme-wave/waves"
    train = ["pretrain", method, "--data", data, "--no-evaluate", "--out", "run", *LENGTH]
    answer = tacit(["list"], ["doctor"], train, path=path, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "acme-wave/" in answer.stdout
    tests = python(["-m", "pytest", "-q", "-p", "no:cacheprovider"], path=path, cwd=folder)
    assert tests.returncode == 0, tests.stdout[-3000:]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_is_clean_to_the_linter(kind: str, tmp_path: Path) -> None:
    folder = write_package(kind, "acme", tmp_path / "package")
    rules = ["--config", str(ROOT / "pyproject.toml"), "--ignore", "I001,TID253"]
    answer = python(["-m", "ruff", "check", *rules, str(folder)], path=[], cwd=folder)
    assert answer.returncode == 0, answer.stdout


def test_no_name_is_left_to_be_filled_in(tmp_path: Path) -> None:
    folder = write_package("plugin", "acme", tmp_path / "package")
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert len(written) == 14
    assert not [path for path in written if re.search(r"@\w+@", path.read_text())]


def test_the_command_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "method", "acme"]) == 0
    assert "pip install -e '.[test]'" in capsys.readouterr().out
    assert (tmp_path / "tacit-acme" / "src" / "tacit_acme" / "plugin.py").is_file()
    assert main(["new", "method", "acme"]) == 2
    assert "holds something already" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["Acme", "a b", "tacit", "9lives", ""])
def test_a_word_that_is_no_name_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="lower-case"):
        names(word)
