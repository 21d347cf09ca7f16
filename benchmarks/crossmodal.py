"""Two plugins trained together: retrieval of what was held out, beside chance and linear CCA.

    python benchmarks/crossmodal.py --data FOLDER [--only products/clip] [--seeds 0 1 2]

`--data` holds `crossmodal/fashion_products` (product photographs with titles),
`crossmodal/molecule_text_chebi20_validation` (SMILES with descriptions) and `music/philharmonia`
(notes of instruments, named here by what their columns say), folders of parquet files by split.
Each case is one `tacit pretrain`, stopped and taken up again as often as need be: its run lies in
`--work`. Candidates are 1000 of the test products (drawn by seed 0), all 500 test molecules and all
404 test notes, some of which bear one name: only their own counts as found.
Linear CCA of hand-made features (HOG, colours and Morgan fingerprints against TF-IDF) is the figure
to beat; it is quoted from the data sets' own descriptions, and another is measured here on what the
modalities call their raw features (statistics of MFCCs, of notes).

Cases that `results/crossmodal.json` holds are not measured again.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from _measure import write
from _molecules import GRAPH
from torch import Tensor

import tacit
from tacit.data import Pairs, PairsConfig, sequential
from tacit.evaluation import Retrieval, embed, fit_cca, raw_features, retrieve
from tacit.methods import Recipe
from tacit_audio.recipes import notes_clip_v1
from tacit_graph.recipes import molecules_clip_v1
from tacit_vision.recipes import products_clip_v1

RESULT = Path(__file__).parent / "results" / "crossmodal.json"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One set of pairs, with all that is held fixed on it.

    Args:
        folder: within `--data`.
        columns: modality to column.
        readers: options of their readers.
        encoder: by modality.
        candidates: of a retrieval.
        epochs: of each method.
        batch: instances of a step.
        quoted: R@10 of linear CCA on hand-made features, both ways, where somebody measured it.
        named: whether names are to be made of the other columns first, see `named`.
        hiding: what takes the place of the above for methods that hide tokens, several times as
            dear; none: they are left out.
    """

    folder: str
    columns: dict[str, str]
    readers: dict[str, object]
    encoder: dict[str, object]
    candidates: int
    epochs: int
    batch: int
    quoted: tuple[float, float] | None = None
    named: bool = False
    hiding: dict[str, Any] = field(default_factory=dict)

    def of(self, method: str) -> Setting:
        """That of one method."""
        return replace(self, **self.hiding) if method in HIDING else self


def of_recipe(recipe: Recipe) -> dict[str, Any]:
    """What a recipe for CLIP holds fixed."""
    found: dict[str, Any] = dict(recipe.settings)
    training = found["training"]
    return {
        "readers": found.get("data", {}).get("readers", {}),
        "encoder": found["encoder"],
        "epochs": training["epochs"],
        "batch": training["batch"],
    }


SETTINGS = {
    "products": Setting(
        **of_recipe(products_clip_v1()),
        folder="crossmodal/fashion_products",
        columns={"image": "image", "text": "title"},
        candidates=1000,
        quoted=(67.2, 64.2),
    ),
    "molecules-one-hot": Setting(
        **of_recipe(molecules_clip_v1()),
        folder="crossmodal/molecule_text_chebi20_validation",
        columns={"graph": "smiles", "text": "text"},
        candidates=500,
        quoted=(84.4, 85.6),
    ),
    "notes": Setting(
        **of_recipe(notes_clip_v1()),
        folder="music/philharmonia",
        columns={"audio": "audio", "text": "name"},
        candidates=404,
        named=True,
    ),
}
SETTINGS["molecules"] = replace(
    SETTINGS["molecules-one-hot"],
    readers={},
    encoder={**SETTINGS["molecules-one-hot"].encoder, "graph": GRAPH},
)
"""The same with atoms told apart by number, not by kind: what the graph encoder sees decides."""
SETTINGS["notes"] = replace(
    SETTINGS["notes"],
    hiding={
        "encoder": {
            **SETTINGS["notes"].encoder,
            "text": {"name": "text/bert", "depth": 2, "dropout": 0.0},
        },
        "epochs": 12,
        "batch": 64,
    },
)
PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
METHODS = (
    "clip",
    "siglip",
    "slip",
    "paired-isogclr",
    "paired-vicreg",
    "deep-cca",
    "masked-clip",
)
HIDING = ("masked-clip", "masked-across")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="cases: SETTING/METHOD, or SETTING/cca")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work", type=Path, default=Path("runs/crossmodal"))
    args = parser.parse_args()
    runs = known()
    for name in SETTINGS:
        for method in ("cca", *METHODS):
            if method in HIDING and not SETTINGS[name].hiding:
                continue
            for seed in args.seeds if method != "cca" else [0]:
                case = f"{name}/{method}/{seed}"
                if case in runs or (args.only and f"{name}/{method}" not in args.only):
                    continue
                folder = args.data / SETTINGS[name].folder
                if SETTINGS[name].named:
                    folder = named(folder, args.work / name / "named")
                runs[case] = measured(name, method, seed, folder, args.work / case)
                save(runs)
                print(case, runs[case], flush=True)


def known() -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = (
        json.loads(RESULT.read_text())["runs"] if (RESULT.is_file()) else {}
    )
    return found


def save(runs: dict[str, dict[str, float]]) -> None:
    write(
        "crossmodal",
        {
            "what": "Recall at 1 and 10 in percent, and median rank, of the test pairs; "
            "mean and deviation over seeds. `linear CCA, hand-made` is quoted from the data sets' "
            "descriptions, `linear CCA, raw` is measured.",
            "results": table(runs),
            "runs": runs,
        },
    )


def table(runs: dict[str, dict[str, float]]) -> list[dict[str, object]]:
    """A row for each setting and method, and for what each is to beat."""
    rows: list[dict[str, object]] = []
    for name, setting in SETTINGS.items():
        chance = round(1000 / setting.candidates, 1)
        beside = {"pairs": name, "seeds": 0}
        rows.append({**beside, "method": "chance", "forth R@10": chance, "back R@10": chance})
        if setting.quoted is not None:
            forth, back = setting.quoted
            quoted = {"method": "linear CCA, hand-made", "forth R@10": forth, "back R@10": back}
            rows.append({**beside, **quoted})
        for method in ("cca", *METHODS):
            own = [values for case, values in runs.items() if case.startswith(f"{name}/{method}/")]
            if own:
                title = "linear CCA, raw" if method == "cca" else method
                rows.append({"pairs": name, "seeds": len(own), "method": title, **spread(own)})
    return rows


def spread(own: Sequence[dict[str, float]]) -> dict[str, object]:
    """The mean of each figure, and of R@10 the deviation."""
    found: dict[str, object] = {}
    for key in own[0]:
        values = [each[key] for each in own]
        found[key] = round(statistics.fmean(values), 1)
        if len(values) > 1 and key.endswith("R@10"):
            found[f"{key} ±"] = round(statistics.stdev(values), 1)
    return found


def named(folder: Path, out: Path) -> Path:
    """Notes with a name each: instrument, pitch, loudness, length and how it is played."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.parquet")):
        if (out / path.name).is_file():
            continue
        notes = pq.read_table(path)
        kinds = json.loads(notes.schema.metadata[b"huggingface"])["info"]["features"]
        names = []
        for row in notes.drop_columns(["audio"]).to_pylist():
            pitch = f"{PITCHES[row['midi'] % 12]}{row['midi'] // 12 - 1}"
            words = (kinds["instrument"]["names"][row["instrument"]], pitch, row["dynamic"])
            names.append(" ".join((*words, row["duration"], row["articulation"])))
        pq.write_table(notes.append_column("name", [names]), out / path.name)
    return out


@cache
def pairs(name: str, folder: Path, split: str) -> Pairs:
    setting = SETTINGS[name]
    return Pairs(
        PairsConfig(
            path=folder,
            columns=setting.columns,
            readers=setting.readers,
            split=split,
        )
    )


def measured(name: str, method: str, seed: int, folder: Path, out: Path) -> dict[str, float]:
    held, setting = pairs(name, folder, "test"), SETTINGS[name]
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(held), generator=generator)[: setting.candidates].tolist()
    if method == "cca":
        a, b = canonical(name, folder, chosen)
    else:
        a, b = trained(name, method, seed, folder, out, chosen)
    return figures(retrieve(a, b), "forth") | figures(retrieve(b, a), "back")


def figures(found: Retrieval, way: str) -> dict[str, float]:
    recall = {f"{way} R@{k}": round(100 * share, 1) for k, share in found.recall.items() if k != 5}
    return {**recall, f"{way} median rank": found.median_rank}


def canonical(name: str, folder: Path, chosen: list[int]) -> tuple[Tensor, Tensor]:
    """Raw features of the test pairs in the space of a CCA of the training pairs'."""
    from tacit.plugin import load_plugins

    offers = {offer.word: offer for offer in load_plugins().offers("modalities")}
    modalities = [offers[each].load()() for each in SETTINGS[name].columns]
    cpu = torch.device("cpu")
    train = pairs(name, folder, "train")
    held = sequential(pairs(name, folder, "test"), 256, indices=sorted(chosen))
    tests = list(held)
    first, second = (raw_features(m, sequential(train, 256), keep_on=cpu) for m in modalities)
    a, b = (raw_features(m, tests, keep_on=cpu).values for m in modalities)
    return fit_cca(first.values, second.values).embed(a, b)


def trained(
    name: str, method: str, seed: int, folder: Path, out: Path, chosen: list[int]
) -> tuple[Tensor, Tensor]:
    """The test pairs in the space of a trained run."""
    towers = run_of(name, method, seed, folder, out).joined()
    held = pairs(name, folder, "test")
    batches = list(sequential(held, 250, indices=sorted(chosen)))
    a, b = (embed(towers[each].encoder, batches).values for each in SETTINGS[name].columns)
    return a, b


def run_of(name: str, method: str, seed: int, folder: Path, out: Path) -> tacit.Run:
    """A case's run; begun anew or taken up where it was left."""
    setting = SETTINGS[name].of(method)
    settings: dict[str, Any] = {
        "data": {
            "name": "pairs",
            "path": str(folder),
            "columns": setting.columns,
            "readers": setting.readers,
            "split": "train",
        },
        "encoder": setting.encoder,
        "training": {
            "epochs": setting.epochs,
            "batch": setting.batch,
            "watch_every": 0,
            "workers": 0,
            "checkpoint_every": 10,
        },
    }
    return tacit.pretrain(method, out=out, seed=seed, settings=settings)


if __name__ == "__main__":
    main()
