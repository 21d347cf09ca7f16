"""Pairs from the columns of a table: each modality's plugin reads its own column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from tacit.config import Component, resolve
from tacit.data.column import Column, Reader
from tacit.data.labels import class_names, coded, complete
from tacit.data.paired import Member, Paired
from tacit.data.source import Source
from tacit.data.tables import Files, open_files, splits_of
from tacit.plugin import Catalogue, Offer, load_plugins

_SPELT = re.compile(r"(?P<path>.*?):(?P<columns>[\w./-]+=[^=,:]+(?:,[\w./-]+=[^=,:]+)+)")


@dataclass(frozen=True, kw_only=True)
class PairsConfig:
    """Which table, and which column holds which modality.

    In one word, where data are named by one: `products/:image=photo,text=title`.

    Args:
        path: a file (`.parquet`, `.arrow`, `.csv`, `.jsonl`), or a folder of such, all of one kind.
        columns: modality to column, two or more. An empty cell is a missing member.
        readers: by modality, the name of the reader of its column (tacit list readers), or a table
            of its options, with its `name` among them where it is not the modality's own.
        split: of a folder, the files whose names begin with it; `all`: every file; none: `train`
            where there is one.
        label: column of labels, for evaluation alone.
        group: column that says which instances belong together.
        weights: how much of each training batch has which members, by their modalities joined with
            `+`: `{"first+second" = 1, "first" = 2}` takes twice as many rows with the first alone
            as pairs. Rows of a kind that is not named are not trained on. None: as they come.

    Raises:
        ValueError: fewer than two columns, or a reader of a modality that has none.
    """

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    readers: Mapping[str, object] = field(default_factory=dict)
    split: str | None = None
    label: str | None = None
    group: str | None = None
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.columns) < 2:
            raise ValueError(
                "columns: wanted two or more, modality to column; got "
                f"{', '.join(self.columns) or 'none'}"
            )
        if others := sorted(set(self.readers) - set(self.columns)):
            raise ValueError(f"readers: no column is given for {', '.join(others)}")


class Pairs(Paired):
    """Instances whose members stand in one row of a table.

    Raises:
        ValueError: no such files or columns (a column that some files lack names them), a modality
            no installed plugin reads a column of, a reader that leaves rows out, a column without
            any value, or a row without any member.
    """

    Config = PairsConfig

    def __init__(self, config: PairsConfig) -> None:
        self.config = config
        files = open_files(config.path, config.split)
        others = [name for name in (config.label, config.group) if name is not None]
        table = files.read([*config.columns.values(), *others])
        catalogue = load_plugins()
        members = [
            _member(catalogue, modality, table.column(name), config, files)
            for modality, name in config.columns.items()
        ]
        _none_empty(members, files.origin)
        labels, names = None, None
        if config.label is not None:
            labels, names = _numbers(table, config.label, files.origin)
            names = class_names(table.schema, config.label) or names
        groups = None
        if config.group is not None:
            groups, _ = _numbers(table, config.group, files.origin)
        super().__init__(
            members, labels=labels, groups=groups, label_names=names, weights=config.weights
        )

    @classmethod
    def kinds(cls, config: PairsConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.kinds`."""
        return tuple(config.columns)

    @classmethod
    def splits(cls, config: PairsConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return splits_of(config.path)

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether it ends in columns, `:image=photo,text=title`."""
        return _SPELT.fullmatch(given) is not None

    @classmethod
    def options(cls, given: str) -> dict[str, object]:
        """See `tacit.data.Source.options`."""
        found = _SPELT.fullmatch(given)
        assert found is not None, "it was recognised"
        columns = dict(pair.split("=") for pair in found["columns"].split(","))
        return {"path": found["path"], "columns": columns}


def read_column(catalogue: Catalogue, modality: str, column: Column, given: object) -> Source:
    """A column opened by a reader of its modality, value by value.

    Args:
        catalogue: of the plugins that may read it.
        modality: which it holds.
        column: without empty cells.
        given: the name of a reader, or a table of its options; None: the modality's own.

    Raises:
        ValueError: a column without a value, no reader, or one that leaves values out.
    """
    offer, component = _reader(catalogue, modality, given)
    reader: Reader = offer.load()
    path = f"data.readers.{modality}"
    settings: Any = resolve(component, reader.Config, path=path, where="the data")
    if not len(column):
        raise ValueError(f"{column.what} holds no value: there is nothing of {modality} to pair")
    source = reader(column, settings)
    if len(source) != len(column):
        raise ValueError(
            f"{column.what}: its reader left {len(column) - len(source)} of {len(column)} values "
            "out, but members must keep their rows: empty those cells, or let it read all"
        )
    return source


def _member(
    catalogue: Catalogue, modality: str, values: Any, config: PairsConfig, files: Files
) -> Member:
    """A column opened by its reader, and where its values stand."""
    there = torch.from_numpy(values.is_valid().to_numpy())
    column = Column(
        name=config.columns[modality],
        values=values.drop_null(),
        origin=files.origin,
        folder=files.folder,
    )
    source = read_column(catalogue, modality, column, config.readers.get(modality))
    return Member(source=source, places=_places(there))


def _numbers(table: pa.Table, column: str, origin: str) -> tuple[Tensor, tuple[str, ...] | None]:
    what = f"{origin}: {column}"
    return coded(complete(table.column(column), what), what)


def _places(there: Tensor) -> Tensor:
    """Where each row's value stands among the values there are; -1 where there is none."""
    return torch.where(there, there.cumsum(0) - 1, -1)


def _reader(catalogue: Catalogue, modality: str, given: object) -> tuple[Offer, Component]:
    """The reader of a modality's column: the one named, or the first its own plugin offers."""
    options = dict(given) if isinstance(given, Mapping) else {}
    name = options.pop("name", given if isinstance(given, str) else None)
    offers = [o for o in catalogue.offers("readers", modality) if modality in o.modality]
    if name is not None:
        offer = catalogue.find("readers", str(name))
        if offer not in offers:
            raise ValueError(f"data.readers.{modality}: {offer.name} does not read {modality}")
        return offer, Component(name=offer.name, options=options)
    if not offers:
        raise ValueError(
            f"columns: no installed plugin reads a column of {modality} (tacit list readers)"
        )
    return offers[0], Component(name=offers[0].name, options=options)


def _none_empty(members: list[Member], origin: str) -> None:
    places = [member.places for member in members]
    there = torch.stack([at >= 0 for at in places if at is not None]).any(0)
    if not bool(there.all()):
        first = int((~there).nonzero()[0])
        raise ValueError(
            f"{origin}: {int((~there).sum()):,} rows have none of the columns, the first is row "
            f"{first}: remove them"
        )
