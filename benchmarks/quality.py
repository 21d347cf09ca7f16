"""Do the encoders learn? Every CIFAR-10 recipe over three seeds, beside its baselines.

    python benchmarks/quality.py --data FOLDER [--runs FOLDER] [--recipes ...] [--seeds ...]

`--data` holds CIFAR-10 as parquet files `train-*.parquet` and `test-*.parquet` with columns `image`
and `label`, or as folders `train/` and `test/`. Runs that are finished in `--runs` are not
repeated, and one that was interrupted goes on. Probes are fitted on the images the encoder was
trained on and measured on the test part; nothing was chosen on the test part.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from _measure import write

import tacit
from tacit.api.evaluation import evaluate_runs
from tacit.evaluation import score_table, to_json

RECIPES = ("simclr", "barlow-twins", "byol", "mae")
PROBES = ("linear", "knn", "rankme", "uniformity")
RESULT = Path(__file__).parent / "results" / "quality.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/quality"))
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    args = parser.parse_args()
    rows = _kept(args.recipes)
    for name in args.recipes:
        recipe = f"vision/cifar10-{name}-v1"
        runs = [_run(recipe, args.data, args.runs / f"{name}-{seed}", seed) for seed in args.seeds]
        scores = evaluate_runs(
            [run.probed() for run in runs], probes=PROBES, device=torch.device("cpu")
        )
        print(f"{recipe}, seeds {args.seeds}\n{score_table(scores)}", flush=True)
        rows += [{"recipe": recipe, **score} for score in to_json(scores)]
        write("quality", {"about": _about(args.seeds), "results": rows})


def _run(recipe: str, data: str, out: Path, seed: int) -> tacit.Run:
    if (out / "run.toml").is_file() and (run := tacit.load(out)).finished:
        return run
    return tacit.pretrain(recipe, data=data, out=out, seed=seed)


def _kept(measured_anew: list[str]) -> list[dict[str, object]]:
    """Rows of an earlier measurement whose recipes are not measured again."""
    if not RESULT.is_file():
        return []
    anew = {f"vision/cifar10-{name}-v1" for name in measured_anew}
    return [row for row in json.loads(RESULT.read_text())["results"] if row["recipe"] not in anew]


def _about(seeds: list[int]) -> str:
    return (
        f"CIFAR-10 (JPEG), 10,000 training images, test on 10,000; encoder trained with seeds "
        f"{seeds}; mean and standard deviation over the seeds"
    )


if __name__ == "__main__":
    main()
