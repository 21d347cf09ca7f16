from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

import tacit
from tacit.contract import Augmentation
from tacit_tabular.data import BundledConfig, FrameSource, Wine
from tacit_tabular.modality import Rows
from tacit_tabular.views import (
    Mixup,
    MixupConfig,
    Permuted,
    PermutedConfig,
    QuantileNoise,
    QuantileNoiseConfig,
    Subsets,
    SubsetsConfig,
)
from tacit_tabular.views.subsets import windows

FRAME = pd.DataFrame(
    {
        "age": [20.0, 40.0, None, 60.0, 21.0, 90.0],
        "job": ["cook", None, "nurse", "cook", "judge", "nurse"],
        "income": [1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0],
    }
)


def rows_of(source: FrameSource) -> Rows:
    value = source.fetch(range(len(source))).values["table"]
    assert isinstance(value, Rows)
    return value


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.nan_to_num(-9.0), b.nan_to_num(-9.0))


def pair(views: Augmentation, rows: Rows, seed: int = 0) -> tuple[Rows, Rows, dict[str, object]]:
    first, second = views(rows, torch.Generator().manual_seed(seed))
    return first.value, second.value, dict(second.meta)


def test_permuted_columns_hold_what_they_held() -> None:
    rows = rows_of(Wine(BundledConfig()))
    anchor, permuted, meta = pair(Permuted(PermutedConfig(rate=0.5)), rows)
    assert same(anchor.cells, rows.cells)
    assert torch.equal(permuted.cells.sort(0).values, rows.cells.sort(0).values)
    corrupted, donor = meta["corrupted"], meta["donor"]
    assert isinstance(corrupted, torch.Tensor)
    assert isinstance(donor, torch.Tensor)
    touched = corrupted.any(0)
    assert 0 < touched.sum() < len(touched), "whole columns, and not all of them"
    assert torch.equal(permuted.cells[:, ~touched], rows.cells[:, ~touched])
    assert torch.equal(permuted.cells, rows.cells.gather(0, donor))


def test_windows_cut_the_columns_and_overlap_to_the_left() -> None:
    assert windows(8, 4, 0.5) == [slice(0, 3), slice(1, 4), slice(3, 6), slice(5, 8)]
    for columns, subsets, overlap in ((13, 4, 0.75), (5, 5, 0.0), (7, 3, 1.0)):
        found = [range(columns)[each] for each in windows(columns, subsets, overlap)]
        assert set().union(*found) == set(range(columns)), "a column is in no subset"
        assert all(found), "a subset is empty"


def test_a_subset_shows_its_columns_and_the_others_are_missing() -> None:
    rows = rows_of(Wine(BundledConfig()))
    views = Subsets(SubsetsConfig(noise=0.0))(rows, torch.Generator().manual_seed(0))
    assert len(views) == 4
    for view in views:
        subset = view.meta["subset"]
        assert torch.equal(view.value.cells[subset], rows.cells[subset])
        assert view.value.cells[~subset].isnan().all()
        assert not view.meta["corrupted"].any()


def test_noise_of_subsets_takes_cells_of_the_same_column_at_its_rate() -> None:
    rows = rows_of(Wine(BundledConfig()))
    view = Subsets(SubsetsConfig(noise=0.3))(rows, torch.Generator().manual_seed(0))[0]
    subset, corrupted = view.meta["subset"], view.meta["corrupted"]
    assert abs(float(corrupted[subset].double().mean()) - 0.3) < 0.06
    assert torch.equal(view.value.cells[subset & ~corrupted], rows.cells[subset & ~corrupted])
    for before, after in zip(rows.cells.T, view.value.cells.T, strict=True):
        assert torch.isin(after[~after.isnan()], before).all()


def test_a_table_of_too_few_columns_for_its_subsets_is_refused() -> None:
    views = Subsets(SubsetsConfig(subsets=4))
    with pytest.raises(ValueError, match="at most the table's 3 columns"):
        views(rows_of(FrameSource(FRAME)), torch.Generator())


def test_mixed_numbers_lie_between_and_all_else_is_of_one_of_the_rows() -> None:
    rows = rows_of(FrameSource(FRAME))
    _, mixed, meta = pair(Mixup(MixupConfig()), rows)
    share, order = meta["share"], meta["order"]
    assert isinstance(share, torch.Tensor)
    assert isinstance(order, torch.Tensor)
    assert float(share.min()) >= 0.5
    part, income = share.double(), rows.cells[:, 2]
    expected = part * income + (1 - part) * income[order]
    torch.testing.assert_close(mixed.cells[:, 2], expected)
    other = rows.cells[order]
    for at in (0, 1):  # a missing number, categories
        either = torch.stack([rows.cells[:, at], other[:, at]])
        mended = either.isnan().any(0) if at == 0 else torch.ones(6, dtype=torch.bool)
        one = [
            same(mixed.cells[i, at], either[0, i]) or same(mixed.cells[i, at], either[1, i])
            for i in range(6)
            if mended[i]
        ]
        assert all(one)


def test_a_share_of_one_mixes_nothing() -> None:
    rows = rows_of(FrameSource(FRAME))
    assert same(pair(Mixup(MixupConfig(least=1.0)), rows)[1].cells, rows.cells)
    with pytest.raises(ValueError, match=r"least: wanted 0\.5 to 1"):
        MixupConfig(least=0.4)


def test_quantile_noise_of_no_scale_changes_nothing() -> None:
    rows = rows_of(FrameSource(FRAME))
    assert same(pair(QuantileNoise(QuantileNoiseConfig(scale=0.0)), rows)[1].cells, rows.cells)


def test_quantile_noise_moves_numbers_alone_and_within_their_column() -> None:
    rows = rows_of(FrameSource(FRAME))
    _, moved, meta = pair(QuantileNoise(QuantileNoiseConfig(scale=0.5)), rows)
    assert torch.equal(moved.cells.isnan(), rows.cells.isnan())
    assert same(moved.cells[:, 1], rows.cells[:, 1])
    assert not torch.equal(moved.cells[:, 2], rows.cells[:, 2])
    for at in (0, 2):
        before, after = (each[~each.isnan()] for each in (rows.cells[:, at], moved.cells[:, at]))
        assert before.min() <= after.min()
        assert after.max() <= before.max()
    change = meta["moved"]
    assert isinstance(change, torch.Tensor)
    expected = torch.tensor(FRAME["income"].to_numpy())
    places = torch.arange(6) + 5 * change[:, 2]
    low = places.floor().long()
    line = expected[low] + (places - low) * (expected[places.ceil().long()] - expected[low])
    torch.testing.assert_close(moved.cells[:, 2], line)


def test_how_far_a_number_moves_does_not_depend_on_the_scale_of_its_column() -> None:
    generator = torch.Generator().manual_seed(1)
    plain = FrameSource(pd.DataFrame({"x": torch.randn(64, generator=generator).numpy()}))
    cubed = FrameSource(pd.DataFrame({"x": rows_of(plain).cells[:, 0].pow(3).numpy()}))
    views = QuantileNoise(QuantileNoiseConfig(scale=0.2))
    a, b = (pair(views, rows_of(source))[2]["moved"] for source in (plain, cubed))
    assert isinstance(a, torch.Tensor)
    assert isinstance(b, torch.Tensor)
    torch.testing.assert_close(a, b)


@pytest.mark.parametrize("views", ["permuted", "subsets", "mixup", "quantile-noise"])
def test_a_run_takes_them_by_name_in_place_of_its_own(views: str, tmp_path: Path) -> None:
    options = {"subsets": 2} if views == "subsets" else {}
    run = tacit.pretrain(
        "simclr",
        data=FrameSource(FRAME),
        encoder="tabular/mlp",
        out=tmp_path / "run",
        settings={
            "views": {"name": f"tabular/{views}", **options},
            "training": {"steps": 1, "batch": 6, "watch_every": 0},
        },
    )
    assert run.finished
    assert run.config.views["table"].name == f"tabular/{views}"
