"""Run by test_row_sample.py in two processes, each of which sees a part of the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tests.core.ranks import fork, together

from tacit.nn.row_sample import RowSample

ROWS = torch.arange(50.0)[:, None].expand(-1, 2)
MOST = 12


def sampled(parts: list[torch.Tensor]) -> list[float]:
    """The first number of every row that is kept."""
    sample = RowSample(MOST, seed=0)
    for part in parts:
        sample.add(ROWS[part], part)
    kept: list[float] = sample.rows()[:, 0].tolist()
    return kept


def shared(rank: int, folder: Path) -> dict[str, Any]:
    number = torch.arange(50)
    # The second process has fewer rows than are kept.
    own = number[:43] if rank == 0 else number[43:]
    with together(folder, rank, 2):
        return {"found": sampled(list(own.split(5))), "wanted": WHOLE}


if __name__ == "__main__":
    torch.set_num_threads(1)
    WHOLE = sampled([torch.arange(50)])
    fork(shared, 2)
