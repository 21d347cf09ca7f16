"""A sample of rows for clusters: bounded, random, and the same however the rows come."""

from __future__ import annotations

from pathlib import Path

import torch
from tests.core.ranks import answers_of

from tacit.nn.row_sample import RowSample, keys

ROWS = torch.arange(1000.0)[:, None].expand(-1, 3)
NUMBERS = torch.arange(1000)


def sampled(most: int, size: int, seed: int = 0, order: torch.Tensor = NUMBERS) -> torch.Tensor:
    sample = RowSample(most, seed)
    for part in order.split(size):
        sample.add(ROWS[part], part)
        assert sample._rows is not None
        assert len(sample._rows) <= most, "no more are held between two batches"
    return sample.rows()


def test_all_rows_stay_in_their_order_where_there_is_room() -> None:
    assert torch.equal(sampled(1000, 64), ROWS)


def test_the_sample_knows_neither_size_nor_order_of_batches() -> None:
    wanted = sampled(100, 1000)
    assert len(wanted) == 100
    for size in (7, 100, 300):
        assert torch.equal(sampled(100, size), wanted)
        assert torch.equal(sampled(100, size, order=NUMBERS.flip(0)), wanted)


def test_another_seed_draws_another_sample() -> None:
    alike = torch.isin(sampled(100, 64)[:, 0], sampled(100, 64, seed=1)[:, 0]).sum()
    assert 0 < alike < 30


def test_every_row_is_as_likely_as_any_other() -> None:
    drawn = torch.stack([keys(NUMBERS, seed).argsort()[:100] for seed in range(300)])
    times = torch.bincount(drawn.flatten(), minlength=1000).float()  # 30 each, if all are alike
    assert 15 < times.std().square() < 45, "as of fair draws, whose variance is 27"
    halves = torch.stack([times[:500].mean(), times[::2].mean()])
    torch.testing.assert_close(halves, torch.full((2,), 30.0), atol=1.5, rtol=0)


def test_keys_are_no_negative_numbers() -> None:
    assert (keys(NUMBERS - 500, 3) >= 0).all()


def test_processes_that_hold_unequal_parts_draw_the_sample_of_the_whole(tmp_path: Path) -> None:
    for found in answers_of("tests.core.nn.row_sample_worker", tmp_path, 2):
        assert found["found"] == found["wanted"]
        assert len(found["wanted"]) == 12
