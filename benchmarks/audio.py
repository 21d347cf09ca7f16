"""Do the methods for recordings learn: notes, spoken digits and sounds of the environment.

    python benchmarks/audio.py --data FOLDER [--sets ...] [--methods ...] [--seeds 0 1 2]
    python benchmarks/audio.py --data FOLDER --validation [--set objective.mask.ratio=0.7 ...]
    python benchmarks/audio.py --notes                        # only to see that it runs

`--data` holds `music/philharmonia`, `speech/fsdd` and `audio_env/esc10` as parquet files; see
`_audio_sets.py` for the parts of each and for the encoders. Every method trains the same number of
steps on the clips of the training part, without labels, on the encoder its paper has in kind;
HuBERT also on frames of a spectrogram.

A clip's features are the mean of a layer's tokens over the clip, as SUPERB has it and as embeddings
of this package are, and in a second column mean and deviation; MFCC and log-mel statistics are mean
and deviation in both. A linear probe is fitted of them. Of every encoder, random ones too, the best
layer counts: chosen on a fifth of the training part (whole speakers, folds or pitches), as the
probe's penalty is thereafter. A seed decides weights and order, and where a set has no test part of
its own, the speaker or the fold that is left out: so leads over the random encoder and over MFCCs
are taken seed by seed.

Beside the scores stands whether training did anything: the loss in the first and the last tenth,
and what the target says of itself (accuracy beside the share of the commonest code, codes in use,
deviation of a teacher's features).

Rows are written one by one, and those that are there are not measured again. `--validation` trains
and measures on the training part alone, to choose settings by, and writes into `--runs`.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import torch
from _audio_rows import EVIDENCE, LOG_MEL, MFCC, MOMENTS, RANDOM, SUPERVISED, AudioResults, Row
from _audio_sets import FRAMES, NOTES, ON, SETS, Parts, Recordings, parts_of
from _measure import RESULTS
from _setting import Told, overrides_of
from _supervised import train_supervised
from torch import Tensor

import tacit
from tacit.api.choice import Given
from tacit.api.config import merge
from tacit.api.evaluation import Pass
from tacit.api.plan import Plan
from tacit.api.resolve import resolve_run
from tacit.contract import Encoder
from tacit.data import Source
from tacit.evaluation import LinearProbeConfig, linear_probe
from tacit.methods import Method
from tacit.plugin import load_plugins
from tacit_audio.features import LogMel, LogMelConfig, statistics
from tacit_audio.sound import Sound, mean_there

PROBE = LinearProbeConfig(penalties=(1.0, 0.1, 1e-2, 1e-3, 1e-4))
TRIAL = LinearProbeConfig(penalties=(1e-2,))  # of every layer, to choose one
CPU = torch.device("cpu")
Layers = dict[str, tuple[Tensor, Tensor]]
"""Features of both parts, mean and then deviation of each, by the layer they are of."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--notes", action="store_true", help="one step on a few embedded notes")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--methods", nargs="+", default=list(ON), choices=list(ON))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--runs", type=Path, default=Path("runs/audio"))
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--set", nargs="+", default=[], help="settings to try: objective.x=1")
    args = parser.parse_args()
    if (args.data is None) != args.notes:
        parser.error("wanted --data FOLDER or --notes")
    if args.set and not args.validation:
        parser.error("--set: settings are chosen with --validation, never on the test part")
    torch.set_num_threads(1)
    own = args.runs / "-".join(["validation", *args.set])
    out = own / "audio.json" if args.notes or args.validation else RESULTS / "audio.json"
    notes = "; ".join(f"{each.setting.name}: {each.setting.note}" for each in SETS.values())
    results = AudioResults(out, _about(args.steps, args.validation), notes)
    for seed in args.seeds:
        for name in ["notes"] if args.notes else args.sets:
            recordings = NOTES if args.notes else SETS[name]
            bench = Bench(name, recordings, args, seed, own)
            for features, encoder, measure in bench.cases():
                results.take((name, features, encoder, seed), measure)
    print(f"{results.text()}\nwritten to {out}")


@dataclass
class Bench:
    """All that can be measured of one set with one seed.

    Args:
        name: of the set.
        recordings: it.
        args: of the command line.
        seed: of weights and order, and of what is left out.
        runs: where runs lie.
    """

    name: str
    recordings: Recordings
    args: argparse.Namespace
    seed: int
    runs: Path

    def __post_init__(self) -> None:
        self.catalogue = load_plugins()
        self.overrides = overrides_of(self.args.set)
        self.setting = self.recordings.setting
        self._parts: Parts | None = None

    @property
    def parts(self) -> Parts:
        """Read when the first row needs them."""
        if self._parts is None:
            parts = parts_of(self.recordings, self.args.data, self.seed)
            self._parts = parts.inner() if self.args.validation else parts
        return self._parts

    def cases(self) -> Iterator[tuple[str, str, Callable[[], Row]]]:
        """Features, encoder and what measures them; baselines first, but not of a trial."""
        pairs = [(method, encoder) for method in self.args.methods for encoder in ON[method]]
        encoders = list(dict.fromkeys(encoder for _, encoder in pairs))
        if not self.overrides:
            yield MFCC, "", lambda: self._plain(statistics)
            yield LOG_MEL, "", lambda: self._plain(partial(_log_mel, mels=self.recordings.mels))
            for encoder in encoders:
                yield RANDOM, encoder, lambda e=encoder: self._random(e)
        for method, encoder in pairs:
            yield method, encoder, lambda m=method, e=encoder: self._method(m, e)
        if not self.overrides:  # of one encoder, the others are as large
            yield SUPERVISED, FRAMES, lambda: self._supervised(FRAMES)

    def _plain(self, features: Callable[[Sound], Tensor]) -> Row:
        train, test = (
            torch.cat([features(batch.values["audio"]) for batch in _passes(part)])
            for part in (self.parts.train, self.parts.test)
        )
        return self._probed({"": (train, test)})

    def _random(self, encoder: str) -> Row:
        """The weights that runs of this seed begin with."""
        plan = self._plan("audio/tera", encoder, self.parts.train)
        return self._probed(self._layers(plan.build_encoders()["audio"]))

    def _supervised(self, encoder: str) -> Row:
        row: Row = {}
        for task, (known, _) in self.parts.labels.items():
            told = Told(self.parts.train, known)
            plan = self._plan("audio/tera", encoder, told)
            trained = train_supervised(plan, told, seed=self.seed, device=CPU)
            row |= self._probed(self._layers(trained), [task])
        return row

    def _method(self, name: str, encoder: str) -> Row:
        method: Method = self.catalogue.find("methods", name).load()()
        out = self.runs / f"{self.name}-{name.split('/')[-1]}-{encoder}-{self.seed}"
        shutil.rmtree(out, ignore_errors=True)  # of a run that was cut short
        settings = merge(self._tree(method, encoder), self.overrides)
        run = tacit.pretrain(
            name, data=self.parts.train, out=out, seed=self.seed, settings=settings
        )
        last = int(settings["training"]["steps"]) * (len(method.stages) - 1)
        trained = [line for line in run.metrics() if line[0] > last]
        row = self._probed(self._layers(run.encoder)) | evidence(trained)
        shutil.rmtree(out)
        return row

    def _plan(self, method: str, encoder: str, source: Source) -> Plan:
        chosen: Method = self.catalogue.find("methods", method).load()()
        tree = {**self._tree(chosen, encoder), "method": method, "seed": self.seed}
        tree["data"] = {"name": f"python:{type(source).__name__}"}
        plan = resolve_run(tree, where="the setting", given=Given(source=source))
        return plan.fitted(source)

    def _tree(self, method: Method, encoder: str) -> dict[str, object]:
        tree = self.setting.tree(method, encoder)
        steps = max(1, self.args.steps // len(method.stages))
        return merge(tree, {"training": {"steps": steps, "log_every": 5, "workers": 0}})

    def _layers(self, encoder: Encoder) -> Layers:
        parts = [_embedded(encoder.eval(), part) for part in (self.parts.train, self.parts.test)]
        return {str(tap): (parts[0][tap], parts[1][tap]) for tap in parts[0]}

    def _probed(self, layers: Layers, tasks: Sequence[str] = ()) -> Row:
        """For each task what means tell, of the layer that tells most, and means with deviations.

        Of features that are no layers' nothing is split off.
        """
        split = {name: tuple(_means(part) for part in parts) for name, parts in layers.items()}
        row: Row = {}
        for task in tasks or self.parts.labels:
            both = self._best(layers, task)
            row[task] = both if "" in layers else {**self._best(split, task), MOMENTS: both}
        return row

    def _best(self, layers: Layers, task: str) -> Row:
        """What the layer scores that is best within the training part."""
        known, wanted = self.parts.labels[task]
        found = {name: self._validated(train, known) for name, (train, _) in layers.items()}
        best = max(found, key=lambda name: found[name])
        train, test = layers[best]
        score = self._score(train, known, self.parts.groups, test, wanted, PROBE)
        return {"linear": score, "layer": best, "validation": found[best]}

    def _validated(self, features: Tensor, known: Tensor) -> float:
        split = self.parts.split()
        inside, outside = split.train, split.held_out
        groups = self.parts.groups[inside]
        held_out = features[outside], known[outside]
        return self._score(features[inside], known[inside], groups, *held_out, TRIAL)

    def _score(
        self,
        train: Tensor,
        known: Tensor,
        groups: Tensor,
        test: Tensor,
        wanted: Tensor,
        config: LinearProbeConfig,
    ) -> float:
        generator = torch.Generator().manual_seed(self.seed)
        classes = int(max(known.max(), wanted.max())) + 1
        model = linear_probe(
            train, known, classes=classes, generator=generator, groups=groups, config=config
        )
        return round(float((model.predict(test) == wanted).float().mean()), 4)


def _passes(source: Source) -> Pass:
    return Pass(source, batch=64, device=CPU)


@torch.no_grad()
def _embedded(encoder: Encoder, source: Source) -> dict[int, Tensor]:
    """Mean and deviation of the tokens of every layer over each clip; of the one there is, 1."""
    taps = tuple(range(1, encoder.spec.layers + 1))
    found: dict[int, list[Tensor]] = {tap: [] for tap in taps or (1,)}
    for batch in _passes(source):
        encoding = encoder(batch.values["audio"], taps=taps)
        assert encoding.tokens is not None
        for tap, tokens in (encoding.layers or {1: encoding.tokens}).items():
            found[tap].append(_moments(tokens, encoding.valid))
    return {tap: torch.cat(parts) for tap, parts in found.items()}


def _log_mel(sound: Sound, mels: int) -> Tensor:
    """Of as many bands as encoders are given, not normalised."""
    spectrogram = LogMel(LogMelConfig(rate=sound.rate, mels=mels, normalise="none"))
    values, valid = spectrogram(sound)
    return _moments(values.mean(1).transpose(1, 2), valid)


def _means(moments: Tensor) -> Tensor:
    return moments[:, : moments.shape[1] // 2]


def _moments(tokens: Tensor, valid: Tensor | None) -> Tensor:
    mean = mean_there(tokens, valid)
    spread = mean_there((tokens - mean[:, None]).square(), valid)
    return torch.cat([mean, spread.sqrt()], dim=1)


def evidence(metrics: Sequence[tuple[int, str, float]]) -> Row:
    """What training did: means over the first and over the last tenth of the lines given."""
    lines: dict[str, dict[int, float]] = {}
    for step, name, value in metrics:
        # A loss of several terms is their sum.
        kept = lines.setdefault("loss" if name.startswith("loss/") else name, {})
        kept[step] = kept.get(step, 0.0) + value
    row: Row = {}
    for name in ("loss", *EVIDENCE):
        if values := list(lines.get(name, {}).values()):
            tenth = max(1, len(values) // 10)
            row[name] = [round(fmean(part), 4) for part in (values[:tenth], values[-tenth:])]
    return row


def _about(steps: int, validation: bool) -> str:
    where = "a fifth of the training part held out" if validation else "the test part"
    return (
        f"{steps} steps of 32 excerpts for every method, over all its stages, on the training part "
        f"without labels; accuracy of a linear probe on {where}, mean and standard deviation over "
        "seeds; leads are taken seed by seed"
    )


if __name__ == "__main__":
    main()
