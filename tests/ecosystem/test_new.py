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
NAMES = {"method": "acme-loss", "modality": "acme-wave", "plugin": "acme-both"}
RUNS = {  # what each is trained with
    "method": ("acme-loss/method", "vision/digits"),
    "modality": ("simclr", "acme-wave/waves"),
    "plugin": ("acme-both/method", "acme-both/waves"),
}


def test_new_packages_list_train_and_pass_their_own_tests(tmp_path: Path) -> None:
    """One of each kind, installed beside each other."""
    site = tmp_path / "site"
    folders = {k: write_package(k, NAMES[k], tmp_path / NAMES[k]) for k in KINDS}
    path = [*(install(folder, site) for folder in folders.values()), site]
    train = [
        ["pretrain", method, "--data", data, "--no-evaluate", "--out", kind, *LENGTH]
        for kind, (method, data) in RUNS.items()
    ]
    answer = tacit(["list"], ["doctor"], *train, path=path, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    for name in NAMES.values():
        assert f"{name}/" in answer.stdout
    suites = [str(folder / "tests") for folder in folders.values()]
    quiet = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    tests = python(["-m", "pytest", *quiet, *suites], path=path, cwd=tmp_path)
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
