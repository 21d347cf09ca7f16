"""What is read of installed distributions is what the library reads of them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from tacit.plugin._distributions import EntryPoint, canonical, distributions

FIELDS = ("Name", "Version", "Requires-Dist", "Provides-Extra")


def ours() -> dict[str, list[tuple[str, ...]]]:
    return {
        canonical(each.about("Name")[0]): [each.about(field) for field in FIELDS]
        for each in distributions()
    }


def the_librarys() -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for each in metadata.distributions():
        fields = [tuple(each.metadata.get_all(field) or ()) for field in FIELDS]
        found.setdefault(canonical(each.metadata["Name"]), fields)
    return found


def groups(name: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    own = [(e.name, e.value) for each in distributions() for e in each.entry_points(name)]
    return sorted(own), sorted((e.name, e.value) for e in metadata.entry_points(group=name))


def installed(folder: Path, info: str, file: str, text: str, entries: str = "") -> None:
    (folder / info).mkdir(parents=True)
    (folder / info / file).write_text(text)
    (folder / info / "entry_points.txt").write_text(entries)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path), "", str(tmp_path / "gone"), *sys.path])
    return tmp_path


def test_all_that_is_installed_here_is_read_as_the_library_reads_it() -> None:
    assert ours() == the_librarys()
    for group in ("console_scripts", "tacit.plugins", "pytest11", "nothing"):
        own, wanted = groups(group)
        assert own == wanted


def test_of_one_name_the_first_on_the_path_counts(folder: Path) -> None:
    entries = (
        "# ours\n[other]\na = b\n\n[toys]\nx = module:Thing [extra]\n y=module\n[last]\nz = w\n"
    )
    text = "Name: To.y\nVersion: 1\nLicense: long\n        \n        Name: no\n\nName: not this\n"
    installed(folder / "a", "to_y-1.dist-info", "METADATA", text, entries)
    installed(folder / "b", "To.y.egg-info", "PKG-INFO", "Name: to-y\nVersion: 2\n", entries)
    (folder / "b" / "old-3.egg-info").write_text("Name: old\nVersion: 3\n")
    sys.path[:0] = [str(folder / "a"), str(folder / "b")]
    assert [each.about("Version") for each in distributions("TO-Y")] == [("1",)]
    assert [each.about("version") for each in distributions("old")] == [("3",)]
    assert ours() == the_librarys()
    assert groups("toys") == ([("x", "module:Thing [extra]"), ("y", "module")],) * 2
    del sys.path[0]
    assert [each.about("Version") for each in distributions("to.y")] == [("2",)]


def test_archives_are_read_too(folder: Path) -> None:
    with zipfile.ZipFile(folder / "toys.zip", "w") as archive:
        archive.writestr("toy-4.dist-info/METADATA", "Name: toy\nVersion: 4\n")
        archive.writestr("toy-4.dist-info/entry_points.txt", "[toys]\nx = module\n")
    sys.path.insert(0, str(folder / "toys.zip"))
    (found,) = distributions("TOY")
    assert found.about("Version") == ("4",)
    assert groups("toys") == ([("x", "module")],) * 2


def test_other_finders_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Everything(metadata.DistributionFinder):
        def find_spec(self, *_: object) -> None:
            return None

        def find_distributions(self, *_: object) -> list[metadata.Distribution]:  # type: ignore[override]
            return [Toy()]

    class Toy(metadata.Distribution):
        def read_text(self, filename: str) -> str | None:
            return {"METADATA": "Name: elsewhere\nVersion: 5\n"}.get(filename)

        def locate_file(self, path: object) -> Path:
            return Path(str(path))

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Everything()])
    (found,) = distributions("elsewhere")
    assert found.about("Version") == ("5",)


def test_an_entry_point_loads_a_module_or_what_of_it_is_named() -> None:
    assert EntryPoint("x", "subprocess").load() is subprocess
    assert EntryPoint("x", "zipfile:ZipFile.open [extra]").load() is zipfile.ZipFile.open
    with pytest.raises(AttributeError):
        EntryPoint("x", "zipfile:nothing").load()


def test_listing_reads_them_without_the_library() -> None:
    code = "import sys; from tacit.plugin import load_plugins; load_plugins(); "
    code += "assert 'importlib.metadata' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
