from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

import tacit
from tacit.evaluation import Target
from tacit_tabular.baselines import boosted_trees
from tacit_tabular.data import FrameSource
from tacit_tabular.modality import Rows


def rows_of(frame: pd.DataFrame, like: FrameSource | None = None) -> Rows:
    source = FrameSource(frame, columns=None if like is None else like.columns)
    value = source.fetch(range(len(source))).values["table"]
    assert isinstance(value, Rows)
    return value


def table(rows: int, seed: int) -> tuple[pd.DataFrame, torch.Tensor]:
    draw = np.random.default_rng(seed)
    job = draw.choice(["cook", "nurse", "pilot"], rows)
    age = np.where(draw.random(rows) < 0.1, np.nan, draw.normal(size=rows))
    wanted = np.where(job == "nurse", 1.0, -1.0) + np.nan_to_num(age) ** 2
    return pd.DataFrame({"job": job, "age": age}), torch.from_numpy(wanted)[:, None]


def test_trees_read_categories_and_missing_values_for_both_tasks() -> None:
    (train, given), (test, wanted) = table(600, 0), table(300, 1)
    source = FrameSource(train)
    parts = rows_of(train), rows_of(test, source)
    numbers = Target(train=given, test=wanted)
    assert numbers.scores(boosted_trees(*parts, given, classes=None, seed=0))["r2"] > 0.9
    classes = Target(train=(given[:, 0] > 0).long(), test=(wanted[:, 0] > 0).long(), classes=2)
    found = boosted_trees(*parts, classes.train, classes=2, seed=0)
    assert classes.scores(found)["accuracy"] > 0.93


def test_an_unseen_category_is_no_more_than_missing() -> None:
    train, given = table(100, 0)
    new = rows_of(train.assign(job="astronaut"), FrameSource(train))
    assert boosted_trees(rows_of(train), new, given, classes=None, seed=0).isfinite().all()


def test_several_numbers_are_predicted_one_by_one() -> None:
    train, given = table(100, 0)
    rows, two = rows_of(train), torch.cat([given, -given], 1)
    found = boosted_trees(rows, rows, two, classes=None, seed=0)
    alone = boosted_trees(rows, rows, given, classes=None, seed=0)
    assert torch.equal(found[:, :1], alone)
    assert found.shape == (100, 2)


def test_one_class_alone_is_always_predicted() -> None:
    train, _ = table(10, 0)
    rows = rows_of(train)
    found = boosted_trees(rows, rows, torch.ones(10, dtype=torch.long), classes=2, seed=0)
    assert found.tolist() == [1] * 10


def test_trees_stand_beside_the_probes_of_a_run_on_a_table(tmp_path: Path) -> None:
    run = tacit.pretrain(
        "tabular/scarf",
        data="tabular/wine",
        out=tmp_path / "run",
        settings={"training": {"steps": 2, "batch": 32}},
    )
    scores = run.evaluate(probes=["linear"], labels=(20, None), seeds=(0, 1))
    trees = {s.labels: s for s in scores if s.features == "supervised"}
    assert trees.keys() == {20, None}
    assert trees[None].value > trees[20].value > 0.4
    assert trees[20].seeds == trees[None].seeds == 2
