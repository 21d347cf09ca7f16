"""A modality that nobody here knows pairs with one that is, and neither is changed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch

import tacit

PLUGIN = '''
"""Smells."""

from tacit.plugin import Offer, hookimpl

OWN = frozenset({"smell"})


def offer(name, target, summary):
    target = f"nose.parts:{target}"
    return [Offer(name=f"nose/{name}", target=target, summary=summary, modality=OWN)]


@hookimpl
def tacit_modalities():
    return offer("smell", "Smell", "Smells")


@hookimpl
def tacit_encoders():
    return offer("net", "Net", "One layer")


@hookimpl
def tacit_readers():
    return offer("column", "Smells", "A column of lists of numbers")
'''
PARTS = '''
"""An encoder and a reader of a column; the modality is the default one, of tensors."""

from dataclasses import dataclass

import torch

from tacit.contract import Batch, Modality, PooledEncoder
from tacit.data import Source


class Smell(Modality):
    name, default_encoder = "smell", "nose/net"


@dataclass(frozen=True, kw_only=True)
class Config:
    width: int = 8


class Net(PooledEncoder):
    Config = Config

    def __init__(self, config):
        layer = torch.nn.Linear(4, config.width)
        super().__init__(layer, modality="smell", width=config.width)


@dataclass(frozen=True, kw_only=True)
class ReaderConfig:
    scale: float = 1.0


class Smells(Source):
    Config = ReaderConfig
    modalities = ("smell",)

    def __init__(self, column, config):
        self.values = config.scale * torch.tensor(column.values.to_pylist())

    def __len__(self):
        return len(self.values)

    def fetch(self, indices):
        index = torch.tensor(list(indices))
        return Batch(values={"smell": self.values[index]}, index=index)
'''
METADATA = "Metadata-Version: 2.1\nName: nose\nVersion: 1.0\nRequires-Dist: tacit\n"


@pytest.fixture
def nose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package, installed as far as plugins go: on the import path, with metadata."""
    site = tmp_path / "site"
    for name, content in (
        ("nose/__init__.py", ""),
        ("nose/plugin.py", PLUGIN),
        ("nose/parts.py", PARTS),
        ("nose-1.0.dist-info/METADATA", METADATA),
        ("nose-1.0.dist-info/entry_points.txt", "[tacit.plugins]\nnose = nose.plugin\n"),
    ):
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    yield
    for module in [name for name in sys.modules if name.split(".")[0] == "nose"]:
        del sys.modules[module]


@pytest.mark.usefixtures("nose")
def test_a_modality_that_reads_a_column_pairs_with_every_other(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    smells = torch.rand(24, 4, generator=generator).tolist()
    titles = [f"note {i % 5}" if i % 4 else None for i in range(24)]
    parquet.write_table(pa.table({"air": smells, "note": titles}), tmp_path / "t.parquet")
    run = tacit.pretrain(
        "clip",
        data=f"{tmp_path / 't.parquet'}:smell=air,text=note",
        encoder={"text": "text/words"},
        out=tmp_path / "run",
        settings={
            "data": {"readers": {"smell": {"scale": 2.0}}},
            "training": {"steps": 2, "batch": 12, "watch_every": 0},
        },
    )
    assert run.finished
    assert set(run.encoders) == {"smell", "text"}
    assert run.encoders["smell"].spec.width == 8
    begun = run.plan.build_encoders()["smell"].state_dict()
    now = run.encoders["smell"].state_dict()
    assert any(not torch.equal(begun[key], now[key]) for key in begun)
    assert {"nose", "tacit-text"} <= set(run.folder.read_json(run.folder.record)["plugins"])
