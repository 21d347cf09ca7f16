"""Pretrain an encoder without labels.

    tacit pretrain simclr --data photos/
    tacit pretrain vision/digits-simclr-v1            a recipe (tacit list recipes)
    tacit pretrain mae --data vision/digits --encoder vision/vit epochs=50 encoder.width=192
    tacit pretrain clip --data shop/:first=photo,second=title --encoder first=NAME,second=NAME
    tacit pretrain runs/simclr-1/run.toml --out runs/again

The same command again goes on with a run that was interrupted. Any setting can be given as
KEY=VALUE: epochs, batch, optimizer.lr, objective.temperature, encoder.width, data.split ...
`tacit pretrain METHOD --data DATA --show` prints all of them, resolved. Under torchrun it trains on
every process: torchrun --nproc-per-node 2 -m tacit pretrain ...
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `tacit pretrain` takes."""
    parser.add_argument("method", metavar="METHOD|RECIPE|RUN.TOML", help="what to run")
    parser.add_argument(
        "settings", nargs="*", metavar="KEY=VALUE", help="settings over the defaults"
    )
    parser.add_argument(
        "--data",
        help="a folder or file, or the name of a source; DATA:MODALITY=COLUMN,... for pairs",
    )
    parser.add_argument(
        "--encoder",
        help="name of an encoder (tacit list encoders); MODALITY=NAME,... where there are several",
    )
    parser.add_argument("--out", type=Path, help="folder of the run; runs/METHOD-N if left out")
    parser.add_argument("--seed", type=int, help="of weights, views and the order of the data")
    parser.add_argument(
        "--no-evaluate", action="store_true", help="end without probing the encoder"
    )
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")
    parser.add_argument(
        "--show", action="store_true", help="print the resolved settings and train nothing"
    )


def run(args: argparse.Namespace) -> int:
    """Train; 0 when finished, 3 when stopped and ready to go on."""
    tree, origin = _tree(args)
    if args.show:
        return _show(tree, origin)
    from tacit.api.evaluation import labels_there
    from tacit.api.paired import is_paired
    from tacit.api.pretrain import train_run
    from tacit.api.run import Run
    from tacit.cli._progress import Progress

    progress = Progress(quiet=args.json)
    seen: dict[str, Any] = {}

    def announce(plan: object, source: object, folder: object) -> None:
        modalities: tuple[str, ...] = getattr(source, "modalities", ())
        several = len(modalities) > 1
        seen["scored"] = is_paired(source) if several else labels_there(source)
        seen["which"] = f" --modality {modalities[0]}" if several else ""
        progress.announce(plan, source, folder)

    with progress:
        folder, outcome = train_run(
            tree, where=origin, out=args.out, observers=[progress], announce=announce
        )
    if not seen:  # another process leads
        return 0 if outcome.finished else 3
    if not outcome.finished:
        progress.say(f"stopped at step {outcome.step}; the same command goes on from there")
        return 3
    if seen["scored"] and not args.no_evaluate:
        from tacit.cli.evaluate import report

        finished = Run(folder.path)
        report([finished], folder=folder, as_json=args.json)
    progress.say(f"\nThe run is in {folder.path}: {folder.path}/run.toml repeats it,")
    progress.say(f"tensorboard --logdir {folder.path} shows its curves,")
    progress.say(f"tacit export {folder.path} DIR{seen['which']} writes the encoder.")
    return 0


def _tree(args: argparse.Namespace) -> tuple[dict[str, object], Any]:
    """Settings from the run file or the method, with the command line on top."""
    from tacit.api.choice import named_data, settings_of, wanted_modalities, with_data
    from tacit.config import Origin, override, parse

    path = Path(args.method)
    if path.suffix == ".toml":
        if not path.is_file():
            raise ValueError(f"{path}: no such run file")
        tree = parse(path.read_text(), where=str(path))
    elif path.is_dir() and (path / "run.toml").is_file():
        raise ValueError(f"{path} is a run; to repeat it, give {path}/run.toml")
    else:
        tree = settings_of(args.method)
    flags = {"encoder": _encoders(args.encoder), "seed": args.seed}
    tree |= {key: value for key, value in flags.items() if value is not None}
    if args.data is not None:
        tree["data"] = with_data(tree.get("data"), args.data, wanted_modalities(tree))
    elif isinstance(tree.get("data"), str):
        tree["data"] = named_data(tree["data"], wanted_modalities(tree))
    tree = override(tree, args.settings)
    return tree, Origin(file=str(path), overrides=tuple(args.settings))


def _encoders(given: str | None) -> str | dict[str, str] | None:
    """One name, or one for each modality."""
    if given is None or "=" not in given:
        return given
    return dict(pair.split("=", 1) for pair in given.split(","))


def _show(tree: dict[str, object], origin: Any) -> int:
    from tacit.api.resolve import resolve_run
    from tacit.config import dumps

    print(dumps(resolve_run(tree, where=origin).config), end="")
    return 0
