"""Write a package: a method, a modality, or both, that passes its own tests as it is.

`tacit new method acme` makes the folder tacit-acme with a package that installs, lists, trains and
is checked by the conformance suite. Change it file by file, and keep its tests passing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tacit.scaffold import KINDS, write_package


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``tacit new`` takes."""
    parser.add_argument("kind", choices=KINDS, help="what the package begins with")
    parser.add_argument("name", help="its name: lower-case, words joined by '-'")
    parser.add_argument("--out", type=Path, help="the folder; tacit-NAME if not given")


def run(args: argparse.Namespace) -> int:
    """Write the package and say what comes next."""
    folder = write_package(args.kind, args.name, args.out)
    print(f"{folder}\n  next: cd {folder}; pip install -e '.[test]'; pytest; tacit list")
    return 0
