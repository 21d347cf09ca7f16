"""Does every method learn? One small encoder, one budget, several seeds, beside its baselines.

    python benchmarks/methods.py whole --data FOLDER [--runs FOLDER] [--methods ...] [--seeds 0 1 2]
    python benchmarks/methods.py hidden --data FOLDER    # methods that predict what was hidden
    python benchmarks/methods.py generative              # those that make whole instances
    python benchmarks/methods.py digits                  # only to see that it runs
    python benchmarks/methods.py hidden --data FOLDER --validation    # to choose settings by

Each setting takes its share of the core's methods that know no modality, as the catalogue has them,
and new ones join by themselves. `--data` holds CIFAR-10 as parquet files `train-*.parquet` and
`test-*.parquet` with columns `image` and `label`. Encoder, views and budget are those of
`_setting.py`, the same for all methods; rates and the like are each method's own defaults. A method
runs on the plainest encoder of its setting that offers what it needs, and every encoder has its own
baselines: random weights, and a supervised model of the same budget. A method that needs groups
(supervised contrast) is given the classes as such, reads labels, and is marked: it stands beside
the supervised model.

Three probes: a linear one and nearest neighbours, of the frozen encoder, and the encoder fine-tuned
on few labels (of raw features, which leave nothing to tune, a linear probe of as many).

Rows are written one by one: what is finished is not repeated, a row that lacks a probe is probed
again (and trained again only where its run is gone), and a run that was interrupted goes on. Probes
are fitted on the images the encoder was trained on and measured on the test part; nothing may be
chosen on it. `--validation` therefore trains on four fifths of the training images and measures on
the last fifth, and writes into `--runs` instead of the results.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from _rows import PROBES, RANDOM, RAW, SUPERVISED, Key, Results, Row
from _setting import SETTINGS, Classes, Setting, Subset, overrides_of
from _supervised import train_supervised

import tacit
from tacit.api.choice import choose_source, with_data
from tacit.api.config import merge
from tacit.api.evaluation import Pass
from tacit.api.plan import Plan
from tacit.api.resolve import resolve_run
from tacit.contract import Encoder
from tacit.data import Source
from tacit.evaluation import (
    Embeddings,
    FineTuneConfig,
    Origin,
    Sample,
    embed,
    few_of_each,
    linear_probe,
    named_probes,
    raw_features,
    stratified_split,
)
from tacit.evaluation.targets import make_target
from tacit.methods import Method
from tacit.plugin import Offer, load_plugins

RESULTS = Path(__file__).parent / "results"
HELD_OUT = 0.2
READS_LABELS = "groups"
"""What methods require that are told here which images are of one class."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("setting", choices=SETTINGS, help="see _setting.py")
    parser.add_argument("--data", help="a folder of parquet files")
    parser.add_argument("--runs", type=Path, default=Path("runs/methods"))
    parser.add_argument("--methods", nargs="+", help="all of the core if not given")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--validation", action="store_true", help="measure on training images")
    parser.add_argument("--anew", action="store_true", help="measure the named methods again")
    parser.add_argument("--set", nargs="+", default=[], help="settings to try: objective.x=1")
    args = parser.parse_args()
    setting = SETTINGS[args.setting]
    if bool(args.data) == bool(setting.data):
        has = "wants --data FOLDER" if args.data is None else "has data of its own"
        parser.error(f"{args.setting} {has}")
    if args.set and not args.validation:
        parser.error("--set: settings are chosen with --validation, never on the test part")
    part = "validation" if args.validation else "test"
    own = args.runs / "-".join([*setting.name.lower().split(), part, *args.set])
    kept = setting.result and not args.validation
    out = RESULTS / f"{setting.result}.json" if kept else own / "methods.json"
    data = setting.data or args.data
    bench = Bench(setting, data, own, args.validation, overrides_of(args.set))
    table = Results(out, _about(setting, args.validation), setting.note)
    for key, measure in bench.cases(args.methods, args.seeds):
        if args.anew and key[0] in (args.methods or ()):
            table.forget(key)
            shutil.rmtree(own / _folder(key), ignore_errors=True)
        table.take(key, measure)
    print(f"\n{table.text()}\nwritten to {out}")


Case = tuple[Key, Callable[[], Row]]


@dataclass
class Bench:
    """Everything that can be measured in a setting.

    Args:
        setting: what is held fixed.
        data: the source, as `--data` has it.
        runs: where the runs lie.
        validation: measure on a part held out of the training images.
        overrides: settings laid over every method's.
    """

    setting: Setting
    data: str
    runs: Path
    validation: bool
    overrides: dict[str, object]

    def __post_init__(self) -> None:
        self.catalogue = load_plugins()
        self.device = torch.device("cpu")
        options = with_data(dict(self.setting.options), self.data)
        self.options = {**self.setting.options, **options}
        self.train, self.test = self._parts()
        self.modality = self._plan("simclr", next(iter(self.setting.encoders)), 0).modalities[
            self.setting.modality
        ]

    def _parts(self) -> tuple[Source, Source]:
        whole = self._source(self.options)
        if not self.validation:
            test = {k: v for k, v in self.options.items() if k != "limit"} | {"split": "test"}
            return whole, self._source(test)
        labels = whole.labels()
        assert labels is not None, "the setting's data have labels"
        split = stratified_split(labels, share=HELD_OUT, generator=torch.Generator().manual_seed(0))
        return Subset(whole, split.train.tolist()), Subset(whole, split.held_out.tolist())

    def _source(self, options: dict[str, object]) -> Source:
        made = choose_source(self.catalogue, options, where="the setting").make()
        assert isinstance(made, Source)
        return made

    def cases(self, methods: Sequence[str] | None, seeds: Sequence[int]) -> Iterator[Case]:
        """What is to be measured, seed by seed, the baselines first."""
        offers = [offer for offer in self._offers() if methods is None or offer.name in methods]
        if unknown := set(methods or ()) - {offer.name for offer in offers}:
            raise SystemExit(f"no such method, or none of the core: {', '.join(sorted(unknown))}")
        placed = {offer: self.setting.encoder_of(offer, self.catalogue) for offer in offers}
        used = [name for name in self.setting.encoders if name in placed.values()]
        for seed in seeds:
            if self.overrides:  # a trial: the baselines are those without it
                yield from self._runs(placed, seed)
                continue
            yield (RAW, "", seed), lambda seed=seed: self._raw(seed)
            for name in used:
                yield (RANDOM, name, seed), lambda name=name, seed=seed: self._random(name, seed)
                yield (
                    (SUPERVISED, name, seed),
                    lambda name=name, seed=seed: self._supervised(name, seed),
                )
            yield from self._runs(placed, seed)

    def _runs(self, placed: dict[Offer, str | None], seed: int) -> Iterator[Case]:
        for offer, encoder in placed.items():
            if encoder is not None:
                yield (
                    (offer.name, encoder, seed),
                    lambda o=offer, e=encoder: self._method(o, e, seed),
                )

    def _offers(self) -> list[Offer]:
        """The core's methods that know no modality, where the setting does not name its own."""
        offers = self.catalogue.offers("methods")
        general = [offer for offer in offers if "/" not in offer.name and not offer.modality]
        only, without = self.setting.only, self.setting.without
        wanted = [offer for offer in general if not only or offer.name in only]
        return [offer for offer in wanted if offer.name not in without]

    def _raw(self, seed: int) -> Row:
        passes = self._passes()
        train, test = (raw_features(self.modality, p, keep_on=self.device) for p in passes)
        return self._probed(train, test, seed)

    def _random(self, encoder: str, seed: int) -> Row:
        """The weights that runs of this seed begin with."""
        return self._scores(self._plan("simclr", encoder, seed), None, seed)

    def _supervised(self, encoder: str, seed: int) -> Row:
        plan = self._plan("simclr", encoder, seed)
        trained = train_supervised(plan, self.train, seed=seed, device=self.device)
        return self._scores(plan, trained, seed)

    def _method(self, offer: Offer, encoder: str, seed: int) -> Row:
        method: Method = offer.load()()
        settings = merge(self.setting.tree(method, encoder), self.overrides)
        out = self.runs / _folder((offer.name, encoder, seed))
        if READS_LABELS in offer.requires:
            own: Source | str = Classes(self.train)
        elif self.validation:
            own = self.train
        else:
            own, settings["data"] = self.data, dict(self.setting.options)
        run = tacit.pretrain(offer.name, data=own, out=out, seed=seed, settings=settings)
        return self._scores(run.plan, run.encoder, seed)

    def _plan(self, method: str, encoder: str, seed: int) -> Plan:
        chosen: Method = self.catalogue.find("methods", method).load()()
        tree = merge(self.setting.tree(chosen, encoder), {"data": self.options, "seed": seed})
        plan = resolve_run({**tree, "method": method}, where="the setting")
        return plan.fitted(self.train)

    def _scores(self, plan: Plan, encoder: Encoder | None, seed: int) -> Row:
        own = encoder or plan.build_encoders()[self.setting.modality]
        passes = self._passes()
        train, test = (embed(own.to(self.device).eval(), each) for each in passes)
        origin = Origin(
            encoder=own, tap="pooled", train=passes[0], index=train.index, test=passes[1]
        )
        return self._probed(train, test, seed, origin)

    def _passes(self) -> tuple[Pass, Pass]:
        return (
            Pass(self.train, batch=256, device=self.device),
            Pass(self.test, batch=256, device=self.device),
        )

    def _probed(
        self, train: Embeddings, test: Embeddings, seed: int, origin: Origin | None = None
    ) -> Row:
        target = make_target(train, test, task="classification")
        sample = Sample(train=train.values, test=test.values, target=target, source=origin)
        probes: dict[str, Callable[..., Mapping[str, float]]] = dict(named_probes())
        if origin is None:
            probes["fine-tune"] = _linear_of_few
        return {
            column: probes[name](sample, torch.Generator().manual_seed(seed))[metric]
            for column, (name, metric) in PROBES.items()
        }


def _linear_of_few(sample: Sample, generator: torch.Generator) -> Mapping[str, float]:
    """A linear probe of the labels that fine-tuning would have been given."""
    target = sample.target
    assert target is not None, "made where the sample is"
    assert target.classes is not None, "the task is to tell classes"
    rows = few_of_each(target.train, FineTuneConfig().labels, generator=generator)
    model = linear_probe(
        sample.train[rows], target.train[rows], classes=target.classes, generator=generator
    )
    return target.scores(model.predict(sample.test))


def _folder(key: Key) -> str:
    return f"{key[0]}-{key[2]}"


def _about(setting: Setting, validation: bool) -> str:
    where = "a fifth of the training images held out" if validation else "the test images"
    limit = setting.options.get("limit")
    images = f"{limit:,} training images" if isinstance(limit, int) else "all training images"
    return (
        f"{setting.name}, {images}, {setting.steps} steps of {setting.batch} for every method; "
        f"accuracy on {where}, mean and standard deviation over seeds of the training run"
    )


if __name__ == "__main__":
    main()
