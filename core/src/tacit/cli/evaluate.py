"""Probe pretrained encoders, beside majority class, raw features and random encoders.

    tacit evaluate runs/simclr-1
    tacit evaluate runs/seed-0 runs/seed-1 runs/seed-2      the mean and spread of three seeds
    tacit evaluate runs/simclr-1 --data photos/ --test held-out-photos/ --json
    tacit evaluate runs/simclr-1 --labels 50,100,500,all   with that many labelled instances
    tacit evaluate runs/clip-1                             several encoders: retrieval both ways
    tacit evaluate runs/clip-1 --modality NAME             one of them
    tacit evaluate runs/clip-1 --prompts classes.csv:NAME=COLUMN,label=COLUMN     zero-shot too

Probes are fitted on the training part of the data and measured on its test part; nothing is
chosen on the test part.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `tacit evaluate` takes."""
    parser.add_argument(
        "run", nargs="+", type=Path, help="run folders; several: seeds of one recipe"
    )
    parser.add_argument(
        "--data", help="labelled data to fit the probes on; the run's own if left out"
    )
    parser.add_argument(
        "--test", help="labelled data to measure on; the source's test part if left out"
    )
    parser.add_argument(
        "--probes",
        help="comma-separated: linear,knn,mlp,fine-tune,layers,rankme,alignment,uniformity, and of "
        "data with labels along the instances token-linear,token-knn,token-layers",
    )
    parser.add_argument(
        "--labels",
        help="numbers of labelled instances to fit probes on, comma-separated; all by default",
    )
    parser.add_argument("--seeds", type=int, default=3, help="seeds of a single run's baselines")
    parser.add_argument("--modality", help="probe one encoder of a run that has several")
    parser.add_argument(
        "--prompts",
        help="of several encoders: what stands for each class, FILE:MODALITY=COLUMN,label=COLUMN",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--tap",
        default="pooled",
        help="pooled, tokens, the number of a layer, or a head of the objective (projector)",
    )
    parser.add_argument("--json", action="store_true", help="print the same as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the scores."""
    from tacit.api.run import load

    runs = [load(path) for path in args.run]
    report(
        runs,
        as_json=args.json,
        folder=runs[0].folder if len(runs) == 1 else None,
        data=args.data,
        test=args.test,
        probes=args.probes.split(",") if args.probes else None,
        seeds=range(args.seeds),
        modality=args.modality,
        device=args.device,
        tap=args.tap,
        prompts=args.prompts,
        labels=counted(args.labels) if args.labels else (None,),
    )
    return 0


def counted(said: str) -> tuple[int | None, ...]:
    """Numbers of labels as they are written on the command line.

    Raises:
        ValueError: something that is neither a number nor `all`.
    """
    words = [word.strip() for word in said.split(",")]
    wrong = [word for word in words if word != "all" and not word.isdecimal()]
    if wrong:
        raise ValueError(
            f"--labels: wanted numbers and `all`, such as 50,100,all; got {wrong[0]!r}"
        )
    return tuple(None if word == "all" else int(word) for word in words)


def report(
    runs: Sequence[Any],
    *,
    as_json: bool,
    folder: Any = None,
    data: str | None = None,
    test: str | None = None,
    probes: Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    modality: str | None = None,
    device: str = "auto",
    tap: str = "pooled",
    prompts: str | None = None,
    labels: Sequence[int | None] = (None,),
) -> None:
    """Evaluate runs, keep the scores with a single run's files, and print them."""
    import json

    from tacit.api.evaluation import evaluate_runs
    from tacit.api.paired import check_paired, check_prompts, evaluate_paired_runs
    from tacit.api.taps import place
    from tacit.evaluation import score_table, to_json
    from tacit.training.parallel import pick_device

    where = pick_device(device)
    if modality is None and len(runs[0].config.encoder) > 1:
        check_paired(probes, tap, labels)
        towers = [each.joined() for each in runs]
        scores = evaluate_paired_runs(
            towers, data=data, test=test, seeds=seeds, device=where, prompts=prompts
        )
    else:
        check_prompts(prompts)
        scores = evaluate_runs(
            [each.probed(modality, tap) for each in runs],
            tap=place(tap)[0],
            data=data,
            test=test,
            probes=probes,
            seeds=tuple(seeds),
            device=where,
            labels=labels,
        )
    if folder is not None and tap == "pooled":
        folder.write_json(folder.scores, to_json(scores))
    print(json.dumps(to_json(scores), indent=2) if as_json else score_table(scores))
