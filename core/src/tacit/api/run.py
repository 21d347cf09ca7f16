"""A finished or unfinished run, and what can be done with its encoder."""

from __future__ import annotations

import csv
import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from safetensors.torch import load_file

from tacit.api.choice import Given, settings_of, wanted_modalities, with_data
from tacit.api.config import RunConfig, merge
from tacit.api.evaluation import Probed, evaluate_runs
from tacit.api.folder import RunFolder
from tacit.api.paired import (
    HEAD,
    check_paired,
    check_prompts,
    check_shared,
    evaluate_paired_runs,
)
from tacit.api.plan import Plan
from tacit.api.pretrain import train_run
from tacit.api.resolve import resolve_run
from tacit.api.taps import Headed, head_of, place
from tacit.config import write
from tacit.contract import Encoder
from tacit.data import Descriptions, GeneratedSource, Source
from tacit.evaluation import Embeddings, Score
from tacit.training import checkpoint
from tacit.training.loop import Observer
from tacit.training.parallel import pick_device


def pretrain(
    method: str,
    *,
    data: str | Path | Source | GeneratedSource | None = None,
    encoder: str | Encoder | Mapping[str, str | Encoder] | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    settings: Mapping[str, object] | None = None,
    observers: Iterable[Observer] = (),
) -> Run:
    """Pretrain an encoder without labels, or go on with a run that was begun in `out`.

    Args:
        method: name of a method or a recipe (`tacit list methods`, `tacit list recipes`).
        data: a path, the name of a source (`tacit list sources`), or a source object; None
            where a recipe names it.
        encoder: name of an encoder (`tacit list encoders`), or an encoder object; the modality's
            default if None. By modality, where the data have several.
        out: the run's folder; a new one under `runs/` if None.
        seed: of weights, views, masks and the order of the data.
        settings: whatever a run file may hold, nested: `{"epochs": 5, "optimizer": {"lr": 1e-3}}`.
        observers: told of progress, metrics and checkpoints.

    Returns:
        The run; its encoder is `run.encoder`.

    Raises:
        ValueError: whatever cannot work, before training starts.

    On SIGTERM the step is finished and a checkpoint written; then the signal does what it did
    before, which is to end the process, unless somebody handles it. Who does has an unfinished run.
    """
    tree = merge(settings_of(method), {**(settings or {}), "seed": seed})
    given = Given(
        source=data if isinstance(data, (Source, GeneratedSource)) else None,
        encoders=_given_encoders(encoder),
    )
    if named := _named_encoders(encoder):
        tree["encoder"] = named
    if given.source is None and data is not None:
        wanted = wanted_modalities(tree, given=frozenset(given.encoders or ()))
        tree["data"] = with_data(tree.get("data"), str(data), wanted)
    elif given.source is not None:
        tree["data"] = {"name": f"python:{type(data).__name__}"}
    folder, outcome = train_run(
        tree,
        where="the arguments",
        out=None if out is None else Path(out),
        given=given,
        observers=observers,
    )
    if not outcome.finished:  # nothing else asks a run to stop
        signal.raise_signal(signal.SIGTERM)
    return Run(folder.path, given=given)


def load(
    path: str | Path,
    *,
    data: Source | None = None,
    encoder: Encoder | Mapping[str, str | Encoder] | None = None,
) -> Run:
    """Open a run.

    Args:
        path: the run's folder.
        data: the source object, if the run was made with one.
        encoder: an encoder object of the same kind, if the run was made with one.

    Raises:
        ValueError: no run lies there.
    """
    return Run(Path(path), given=Given(source=data, encoders=_given_encoders(encoder)))


class Run:
    """A run's folder, its encoder and what can be done with it.

    Args:
        path: the run's folder.
        given: objects the run was made with, which its files cannot name.

    Raises:
        ValueError: no run lies there.
    """

    def __init__(self, path: Path, *, given: Given | None = None) -> None:
        self.folder = RunFolder(path)
        self.config: RunConfig = self.folder.config()
        self._given = given
        self._plan: Plan | None = None
        self._encoders: dict[str, Encoder] | None = None

    def __repr__(self) -> str:
        return f"Run({str(self.folder.path)!r}, method={self.config.method!r})"

    @property
    def plan(self) -> Plan:
        """The run's parts, resolved with the plugins installed now."""
        if self._plan is None:
            where = str(self.folder.settings)
            self._plan = resolve_run(write(self.config), where=where, given=self._given)
        return self._plan

    @property
    def finished(self) -> bool:
        """Whether training came to its end."""
        return all(self.folder.encoder(name).is_file() for name in self.config.encoder)

    @property
    def encoders(self) -> dict[str, Encoder]:
        """The trained encoders by modality, in evaluation mode.

        Those of the last checkpoint, if the run is not finished.
        """
        if self._encoders is None:
            self._encoders = self.plan.build_encoders()
            for name, encoder in self._encoders.items():
                encoder.load_state_dict(self._weights(name))
                encoder.eval()
        return self._encoders

    @property
    def encoder(self) -> Encoder:
        """The trained encoder, where there is one.

        Raises:
            ValueError: the run trained several; use `encoders`.
        """
        if len(self.encoders) != 1:
            raise ValueError(f"this run trained several encoders: {', '.join(self.encoders)}")
        return next(iter(self.encoders.values()))

    def metrics(self) -> list[tuple[int, str, float]]:
        """The metrics of the run: (step, name, value)."""
        with self.folder.metrics.open(newline="") as file:
            return [
                (int(step), name, float(value)) for step, name, value in list(csv.reader(file))[1:]
            ]

    def evaluate(
        self,
        *,
        data: str | Path | None = None,
        test: str | Path | None = None,
        probes: Sequence[str] | None = None,
        seeds: Sequence[int] = (0, 1, 2),
        modality: str | None = None,
        device: str = "auto",
        tap: str | int = "pooled",
        prompts: Descriptions | None = None,
        labels: Sequence[int | None] = (None,),
    ) -> list[Score]:
        """Probe the encoder beside its baselines; see `tacit.api.evaluation.evaluate_runs`.

        `tap` says where: `pooled`, the mean of the `tokens`, the number of a layer, or the name of
        one of the objective's heads (`projector`), to see what is lost behind it. `labels` says how
        many labelled instances the probes are fitted on, one number after the other; None for all.

        Of a run of several modalities, without `modality`: retrieval across them, and classes told
        by `prompts`; see `tacit.api.paired.evaluate_paired_runs`.
        """
        if modality is None and len(self.config.encoder) > 1:
            check_paired(probes, tap, labels)
            return evaluate_paired_runs(
                [self.joined()],
                data=data,
                test=test,
                seeds=seeds,
                device=pick_device(device),
                prompts=prompts,
            )
        check_prompts(prompts)
        return evaluate_runs(
            [self.probed(modality, tap)],
            tap=place(tap)[0],
            data=data,
            test=test,
            probes=probes,
            seeds=seeds,
            device=pick_device(device),
            labels=labels,
        )

    def probed(self, modality: str | None = None, tap: str | int = "pooled") -> Probed:
        """One of the run's encoders, for evaluation, with a head behind it if `tap` names one."""
        name, head = self._modality(modality), place(tap)[1]
        encoder = self.encoders[name]
        if head is not None:
            learned = self._learned()
            encoder = Headed(encoder, head_of(self.plan, name, head, self.encoders, learned))
        return Probed(plan=self.plan, modality=name, encoder=encoder, head=head)

    def joined(self) -> dict[str, Probed]:
        """All encoders of the run, each with its head into the space they share.

        Raises:
            ValueError: its method learns no such space.
        """
        for name in self.config.encoder:
            check_shared(self.plan, name, self.encoders)
        return {name: self.probed(name, HEAD) for name in self.config.encoder}

    def embed(
        self,
        data: str | Path | None = None,
        *,
        modality: str | None = None,
        batch: int = 256,
        device: str = "auto",
    ) -> Embeddings:
        """The embeddings of a data set, in its order.

        Args:
            data: a path or the name of a source; the run's own data if None.
            modality: which encoder, where the run trained several.
            batch: instances at once.
            device: auto, cpu, cuda or cuda:N.
        """
        from tacit.api.evaluation import embed_with

        return embed_with(self.probed(modality), data, batch=batch, device=pick_device(device))

    def export(
        self, directory: str | Path, *, format: str = "safetensors", modality: str | None = None
    ) -> Path:
        """Write the encoder as the ecosystem loads it; see `tacit.api.export.export_encoder`."""
        from tacit.api.export import export_encoder

        name = self._modality(modality)
        return export_encoder(self.plan, name, self.encoders[name], Path(directory), format=format)

    def _modality(self, modality: str | None) -> str:
        names = list(self.config.encoder)
        if modality is None:
            if len(names) != 1:
                raise ValueError(f"modality: this run has several: {', '.join(names)}; name one")
            return names[0]
        if modality not in names:
            raise ValueError(f"modality: wanted one of {', '.join(names)}; got {modality!r}")
        return modality

    def _weights(self, modality: str) -> dict[str, Any]:
        path = self.folder.encoder(modality)
        if path.is_file():
            try:
                return load_file(path)
            except Exception as error:
                raise ValueError(
                    f"{path}: corrupted ({error}). Remove it and run the same tacit pretrain "
                    "command again: it is written anew from the last checkpoint"
                ) from error
        prefix = f"encoders.{modality}."
        return {k[len(prefix) :]: v for k, v in self._learned().items() if k.startswith(prefix)}

    def _learned(self) -> dict[str, Any]:
        """All weights of the last checkpoint: encoders, heads and teachers."""
        complete = checkpoint.steps(self.folder.checkpoints)
        if not complete:
            raise ValueError(f"{self.folder.path}: no checkpoint yet; nothing is trained")
        learner: dict[str, Any] = checkpoint.load_shared(complete[-1])["learner"]
        return learner


_Encoders: TypeAlias = str | Encoder | Mapping[str, str | Encoder] | None


def _given_encoders(encoder: _Encoders) -> dict[str, Encoder] | None:
    if isinstance(encoder, Mapping):
        return {name: each for name, each in encoder.items() if isinstance(each, Encoder)}
    return {encoder.spec.modality: encoder} if isinstance(encoder, Encoder) else None


def _named_encoders(encoder: _Encoders) -> str | dict[str, str] | None:
    if isinstance(encoder, Mapping):
        return {name: each for name, each in encoder.items() if isinstance(each, str)}
    return encoder if isinstance(encoder, str) else None
