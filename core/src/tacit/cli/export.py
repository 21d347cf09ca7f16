"""Write a pretrained encoder as others load it.

tacit export runs/simclr-1 exported/ --format safetensors     weights and config.json
tacit export runs/simclr-1 exported/ --format timm            what timm.create_model loads
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `tacit export` takes."""
    parser.add_argument("run", type=Path, help="a run folder")
    parser.add_argument("directory", type=Path, help="an empty or a new directory")
    parser.add_argument(
        "--format", default="safetensors", help="safetensors, or one of the encoder's"
    )
    parser.add_argument("--modality", help="which encoder, where the run trained several")


def run(args: argparse.Namespace) -> int:
    """Write the files and list them."""
    from tacit.api.run import load

    opened = load(args.run)
    where = opened.export(args.directory, format=args.format, modality=args.modality)
    for path in sorted(where.iterdir()):
        print(f"{path}  {path.stat().st_size:,} bytes")
    return 0
