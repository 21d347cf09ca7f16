"""The packages of examples/, which are no part of the workspace, pass what any package must."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ecosystem.house import ROOT, workspace
from tests.ecosystem.installed import install, python, tacit

PACKAGES = sorted(path.parent for path in ROOT.glob("examples/*/pyproject.toml"))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_third_partys_package_is_checked_and_passes_its_own_tests(
    package: Path, tmp_path: Path
) -> None:
    path = [install(package, tmp_path / "site"), tmp_path / "site"]
    answer = tacit(["check", package.name], path=path, cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    own = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not conforms"]
    tests = python([*own, str(package)], path=path, cwd=tmp_path)
    assert tests.returncode == 0, tests.stdout[-3000:]


def test_examples_are_outside_the_workspace() -> None:
    assert PACKAGES
    assert not [m for m in workspace()["tool"]["uv"]["workspace"]["members"] if "examples" in m]


def test_the_example_method_trains_beside_the_cores(tmp_path: Path) -> None:
    package = ROOT / "examples" / "tacit-mmcr"
    path = [install(package, tmp_path / "site"), tmp_path / "site"]
    train = ["pretrain", "mmcr/mmcr", "--data", "tabular/wine", "--out", "run", "--no-evaluate"]
    short = ["epochs=1", "batch=32", "workers=0", "watch_size=64"]
    answer = tacit([*train, *short], path=path, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr


def test_methods_of_the_core_train_on_the_example_modality(tmp_path: Path) -> None:
    package = ROOT / "examples" / "tacit-timeseries"
    path = [install(package, tmp_path / "site"), tmp_path / "site"]
    short = ["steps=3", "batch=32", "workers=0", "watch_every=0", "--no-evaluate"]
    train = [
        ["pretrain", method, "--data", "series/rhythms", "--out", method, *short]
        for method in ("simclr", "mae")
    ]
    answer = tacit(*train, path=path, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
