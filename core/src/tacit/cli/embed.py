"""Write the embeddings of a data set as parquet: index, embedding, and label and group if known.

tacit embed runs/simclr-1 --data photos/ --out photos.parquet
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `tacit embed` takes."""
    parser.add_argument("run", type=Path, help="a run folder")
    parser.add_argument("--data", help="a path or the name of a source; the run's own if left out")
    parser.add_argument("--out", type=Path, required=True, help="the parquet file to write")
    parser.add_argument("--modality", help="which encoder, where the run trained several")
    parser.add_argument("--batch", type=int, default=256, help="instances at once")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")


def run(args: argparse.Namespace) -> int:
    """Write the file and say what is in it."""
    from tacit.api.embed import write_parquet
    from tacit.api.run import load

    if args.out.exists():
        raise ValueError(f"{args.out}: exists already; choose another --out")
    opened = load(args.run)
    rows, width = write_parquet(
        opened,
        args.out,
        data=args.data,
        modality=args.modality,
        batch=args.batch,
        device=args.device,
    )
    print(f"{args.out}: {rows:,} embeddings of width {width}")
    return 0
