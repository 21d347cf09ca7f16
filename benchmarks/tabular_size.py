"""Memory and speed on a table of a million rows and fifty columns, which is never whole in memory.

    python benchmarks/tabular_size.py [--rows 1000000] [--columns 50] [--steps N] [--scratch DIR]

A table drawn at random, a fifth of its columns categories of a hundred values and a twentieth of
its cells missing, is written as parquet and opened by `tabular/large`; then SCARF trains a
perceptron on batches of 1024 for an epoch, or for so many steps. Writes rows per second, and the
peak memory of the process over all of it, imports included, which is to stay within 8 GiB.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from _measure import machine, write
from _training import Parts, cpu_seconds

from tacit_tabular.data import Large, LargeConfig
from tacit_tabular.encoders import Mlp, MlpConfig
from tacit_tabular.methods import scarf
from tacit_tabular.modality import Table
from tacit_tabular.views import CorruptionConfig, TwoViews

BATCH, PIECE, CATEGORIES, MISSING = 1024, 65_536, 100, 0.05
MOST_GIB = 8.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--steps", type=int, help="stop here instead of after an epoch")
    parser.add_argument("--scratch", type=Path, help="where the table and its cells are written")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=args.scratch) as name:
        path = Path(name) / "table.parquet"
        written(path, args.rows, args.columns)
        began = time.process_time()
        source = Large(LargeConfig(path=path, rows=PIECE, scratch=args.scratch))
        opened = time.process_time() - began
    steps = args.steps or args.rows // BATCH
    torch.manual_seed(0)
    parts = Parts(
        encoder=Mlp(MlpConfig(columns=source.columns, width=256, depth=3)),
        views=TwoViews(CorruptionConfig()),
        modality=Table(),
        source=source,
    )
    seconds = cpu_seconds(scarf().stages[0], parts, steps=steps, batch=BATCH)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    row = {
        "method": "scarf",
        "rows": args.rows,
        "columns": args.columns,
        "steps": steps,
        "rows_opened_per_cpu_second": round(args.rows / opened),
        "rows_trained_per_cpu_second": round(steps * BATCH / seconds),
        "peak_gib": round(peak, 2),
        "within_gib": MOST_GIB if peak <= MOST_GIB else None,
    }
    print(row, flush=True)
    whole = args.rows >= 1_000_000 and args.columns >= 50 and args.steps is None
    if not whole:
        print(f"smaller than it is to be: not kept; {machine()['processor']}")
        return
    about = f"one epoch of {steps} steps of {BATCH} rows, one thread; at most {MOST_GIB:g} GiB"
    write("tabular_size", {"about": about, "results": [row]})


def written(path: Path, rows: int, columns: int) -> None:
    """A table drawn at random, written piece by piece."""
    draw = np.random.default_rng(0)
    writer: pq.ParquetWriter | None = None
    for start in range(0, rows, PIECE):
        frame = piece(draw, min(PIECE, rows - start), columns)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None, "at least one row"
    writer.close()


def piece(draw: np.random.Generator, rows: int, columns: int) -> pd.DataFrame:
    """Some rows: numbers that go together, and categories that go with them."""
    latent = draw.normal(size=rows)
    found: dict[str, object] = {}
    for at in range(columns):
        numbers = latent * draw.uniform(0, 1) + draw.normal(size=rows)
        if at % 5 == 0:
            codes = np.clip((numbers * 15 + 50).astype(int), 0, CATEGORIES - 1)
            found[f"c{at}"] = pd.Series([f"v{code}" for code in codes], dtype=object)
        else:
            found[f"n{at}"] = numbers
    frame = pd.DataFrame(found)
    return frame.mask(draw.random(frame.shape) < MISSING)


if __name__ == "__main__":
    main()
