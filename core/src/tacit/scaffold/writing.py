"""Writing a package from its files, under the names a word gives it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from importlib.resources import files
from pathlib import Path

KINDS = ("method", "modality", "plugin")
"""A method that runs on every modality; a modality that gets every method; both in one package."""

_COMMON = ("pyproject.toml", "README.md", "ci.yml", "tests_conformance.py")
_METHOD = ("objective.py", "method.py", "plugin_method.py", "tests_method.py")
_MODALITY = ("encoder.py", "views.py", "data.py", "modality.py", "plugin_modality.py")
_PLACES = {
    "ci.yml": ".github/workflows/ci.yml",
    "tests_conformance.py": "tests/test_conformance.py",
    "tests_method.py": "tests/test_method.py",
}


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a package and its parts are called.

    Args:
        word: the entry point's name, which every offer carries in front.
        distribution: what pip knows it by.
        module: what Python imports.
        camel: the beginning of its classes' names.
        core: the version of tacit it asks for at least.
    """

    word: str
    distribution: str
    module: str
    camel: str
    core: str


def names(word: str) -> Names:
    """The names a word gives a package.

    Raises:
        ValueError: the word cannot be a plugin's name.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", word) or word == "tacit":
        raise ValueError(
            f"name: wanted lower-case letters and digits, words joined by '-'; got {word!r}"
        )
    parts = word.removeprefix("tacit-").split("-")
    word = "-".join(parts)
    core = ".".join(metadata.version("tacit").split(".")[:2])
    return Names(
        word=word,
        distribution=f"tacit-{word}",
        module=f"tacit_{'_'.join(parts)}",
        camel="".join(part.capitalize() for part in parts),
        core=core,
    )


def write_package(kind: str, word: str, folder: Path | None = None) -> Path:
    """Write a package that installs, lists, trains and passes its own tests.

    Args:
        kind: one of `KINDS`.
        word: its name: lower-case, words joined by '-'.
        folder: where to; a new folder of the distribution's name here if None.

    Returns:
        The folder.

    Raises:
        ValueError: an unknown kind, a word that is no name, or a folder that holds something.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: wanted one of {', '.join(KINDS)}; got {kind!r}")
    called = names(word)
    folder = folder or Path(called.distribution)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} holds something already: give an empty or new folder")
    for place, content in _files(kind, called).items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def _files(kind: str, called: Names) -> dict[str, str]:
    parts = [*_COMMON]
    parts += _METHOD if kind != "modality" else ()
    parts += _MODALITY if kind != "method" else ()
    package = f"src/{called.module}"
    made = {f"{package}/py.typed": "", f"{package}/__init__.py": f'"""{called.distribution}."""\n'}
    for part in parts:
        if not part.startswith("plugin_"):
            made[_PLACES.get(part, part)] = _filled(part, called)
    inside = [part for part in (*_METHOD, *_MODALITY) if part in made]
    for part in inside:
        made[f"{package}/{part}"] = made.pop(part)
    hooks = [_filled(part, called) for part in parts if part.startswith("plugin_")]
    made[f"{package}/plugin.py"] = "\n\n".join([_filled("plugin.py", called), *hooks])
    return made


def _filled(part: str, called: Names) -> str:
    text = (files("tacit.scaffold") / "parts" / f"{part}.template").read_text(encoding="utf-8")
    for name, value in vars(called).items():
        text = text.replace(f"@{name}@", value)
    return text
