"""A run is probed on, and embeds, data from elsewhere as it read its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import tacit
from tacit.api.evaluation import parts

STEPS = {"training": {"steps": 2, "batch": 16, "watch_every": 0, "workers": 0}}


def table(rows: int) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    job = draw.choice(["cook", "nurse", "pilot"], rows)
    label = np.where(job == "nurse", "no", "yes")
    return pd.DataFrame({"job": job, "age": draw.normal(size=rows), "left": label})


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory) -> tacit.Run:
    folder = tmp_path_factory.mktemp("staff")
    table(60).to_csv(folder / "staff.csv", index=False)
    data = {"name": "tabular/files", "path": str(folder / "staff.csv"), "label": "left"}
    settings = {**STEPS, "data": data}
    return tacit.pretrain("tabular/scarf", out=folder / "run", settings=settings)


@pytest.mark.parametrize("labelled", [True, False])
def test_other_rows_mean_what_those_of_training_mean(
    staff: tacit.Run, tmp_path: Path, labelled: bool
) -> None:
    whole = table(60)
    some = whole[whole.job != "cook"]  # the codes of the others would shift
    given = some if labelled else some.drop(columns="left")
    given.to_csv(tmp_path / "others.csv", index=False)
    wanted = staff.embed().values[some.index.tolist()]
    found = staff.embed(tmp_path / "others.csv")
    assert torch.allclose(found.values, wanted, atol=1e-6)
    assert (found.label is not None) == labelled


def test_the_label_of_training_is_that_of_the_test_file(staff: tacit.Run, tmp_path: Path) -> None:
    table(60).iloc[40:].to_csv(tmp_path / "held.csv", index=False)
    scores = staff.evaluate(test=tmp_path / "held.csv", probes=["knn"], seeds=(0,))
    assert {s.features for s in scores} >= {"encoder", "raw", "supervised"}


def pictures(folder: Path, *classes: str) -> Path:
    for name in classes:
        (folder / name).mkdir(parents=True)
        for at in range(8):
            Image.fromarray(np.full((8, 8, 3), 9 * at, np.uint8)).save(folder / name / f"{at}.png")
    return folder


def test_classes_of_another_folder_are_told_by_their_names(tmp_path: Path) -> None:
    run = tacit.pretrain(
        "simclr",
        data=pictures(tmp_path / "train", "ant", "bee", "cat"),
        out=tmp_path / "run",
        encoder="vision/resnet",
        settings={**STEPS, "data": {"size": 8}, "encoder": {"width": 4}},
    )
    cpu = torch.device("cpu")
    for names, codes in (
        (("ant", "cat"), [0, 2]),
        (("bee", "ape"), [1, 3]),
    ):
        other = pictures(tmp_path / "-".join(names), *names)
        _, held = parts(run.probed(), None, other, batch=4, device=cpu)
        labels = [int(label) for batch in held for label in batch.label]
        assert sorted(set(labels)) == codes
    with pytest.raises(ValueError, match="none in common"):
        run.evaluate(test=pictures(tmp_path / "none", "dog", "eel"), probes=["knn"])


def test_endless_data_are_no_data_set_to_embed(tmp_path: Path) -> None:
    run = tacit.pretrain(
        "tabular/pfn",
        data="tabular/process",
        out=tmp_path / "run",
        settings={"training": {"steps": 1, "batch": 2, "watch_every": 0}},
    )
    with pytest.raises(ValueError, match="endless data cannot be embedded"):
        run.embed("tabular/process")
