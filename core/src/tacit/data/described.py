"""Classes that another modality describes: sentences about them, or examples."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from tacit.data.column import Column
from tacit.data.labels import complete
from tacit.data.pairs import read_column
from tacit.data.source import Source
from tacit.data.tables import open_files
from tacit.plugin import load_plugins

Descriptions: TypeAlias = str | Path | Mapping[str, Mapping[str, Sequence[object]]]
"""A table in one word, `prompts.csv:text=prompt,label=class`, or what it holds: modality to class
to one or more values as a column would hold them."""

_SPELT = re.compile(
    r"(?P<path>.*?):(?P<modality>[\w./-]+)=(?P<column>[^=,:]+),label=(?P<label>[^=,:]+)"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Described:
    """Values of one modality that stand for classes, one or more for each.

    Args:
        source: of this modality alone.
        classes: the name of the class that each instance of the source stands for.
    """

    source: Source
    classes: tuple[str, ...]

    @property
    def modality(self) -> str:
        """The only one of the source."""
        return self.source.modalities[0]


def described(
    given: Descriptions, *, among: Sequence[str], readers: Mapping[str, object] | None = None
) -> Described:
    """Open descriptions of classes, read as a column of their modality is.

    Args:
        given: see `Descriptions`.
        among: the modalities that may describe.
        readers: by modality, how it reads a column; see `tacit.data.PairsConfig`.

    Raises:
        ValueError: another spelling, another or more than one modality, no class, or what a table
            or a reader refuses.
    """
    modality, column, classes = (
        _of_mapping(given) if isinstance(given, Mapping) else _of_table(str(given))
    )
    if modality not in among:
        raise ValueError(f"prompts: wanted one of {', '.join(among)}; got {modality}")
    source = read_column(load_plugins(), modality, column, (readers or {}).get(modality))
    return Described(source=source, classes=classes)


def _of_mapping(
    given: Mapping[str, Mapping[str, Sequence[object]]],
) -> tuple[str, Column, tuple[str, ...]]:
    if len(given) != 1:
        raise ValueError(
            "prompts: wanted one modality that describes the classes; got "
            f"{', '.join(given) or 'none'}"
        )
    modality, named = next(iter(given.items()))
    rows = [(name, value) for name, values in named.items() for value in values]
    if not rows:
        raise ValueError(f"prompts: there is no {modality} of any class")
    values = pa.chunked_array([[value for _, value in rows]])
    column = Column(name=modality, values=values, origin="prompts", folder=Path())
    return modality, column, tuple(name for name, _ in rows)


def _of_table(given: str) -> tuple[str, Column, tuple[str, ...]]:
    found = _SPELT.fullmatch(given)
    if found is None:
        raise ValueError(f"prompts: wanted FILE:MODALITY=COLUMN,label=COLUMN; got {given!r}")
    files = open_files(Path(found["path"]), "all" if Path(found["path"]).is_dir() else None)
    table = files.read([found["column"], found["label"]])
    values, names = table.column(found["column"]), table.column(found["label"])
    complete(values, f"{files.origin}: {found['column']}")
    classes = complete(names, f"{files.origin}: {found['label']}")
    column = Column(name=found["column"], values=values, origin=files.origin, folder=files.folder)
    return found["modality"], column, tuple(str(name) for name in classes)
