"""A run's folder: what lies where, and the record of how it came to be."""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from tacit.api.config import RunConfig
from tacit.config import dumps, loads

_NO_DIFFERENCE = {"plugins.active"}  # whom a run tells of itself changes nothing in it


class RunFolder:
    """The files of a run.

        run.toml            every setting; `tacit pretrain run.toml` repeats the run
        record.json         versions, plugins, data fingerprint, device, how it ended
        metrics.csv         step, name, value
        tensorboard/        the same for TensorBoard, with wall-clock figures
        checkpoints/        step-00000100/ ...: complete or absent
        encoders/           the trained weights, a file for each modality
        scores.json         probes beside their baselines

    Args:
        path: where the run lies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def settings(self) -> Path:
        """The resolved settings."""
        return self.path / "run.toml"

    @property
    def record(self) -> Path:
        """Versions, plugins, data and device."""
        return self.path / "record.json"

    @property
    def metrics(self) -> Path:
        """The metrics."""
        return self.path / "metrics.csv"

    @property
    def checkpoints(self) -> Path:
        """The checkpoints."""
        return self.path / "checkpoints"

    @property
    def scores(self) -> Path:
        """The scores."""
        return self.path / "scores.json"

    def encoder(self, modality: str) -> Path:
        """The trained weights of one modality's encoder."""
        return self.path / "encoders" / f"{modality}.safetensors"

    def config(self) -> RunConfig:
        """The settings of the run that lies here.

        Raises:
            ValueError: no run lies here.
        """
        if not self.settings.is_file():
            raise ValueError(f"{self.path}: no run lies here (there is no run.toml)")
        return loads(RunConfig, self.settings.read_text(), where=str(self.settings))

    def claim(self, config: RunConfig) -> bool:
        """Take the folder for a run; True if the same run was begun here before.

        Raises:
            ValueError: another run lies here, or files that are no run's.
        """
        if self.settings.is_file():
            self._check_same(config)
            return True
        if self.path.is_dir() and any(item.name[0] != "." for item in self.path.iterdir()):
            raise ValueError(
                f"{self.path}: holds files but no run.toml; choose an empty or a new folder (--out)"
            )
        return False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder, so that no second process trains in it; a killed one lets go of it.

        Raises:
            ValueError: another process holds it.
        """
        try:
            import fcntl
        except ImportError:  # no such locks on this system
            yield
            return
        with (self.path / ".lock").open("w") as file:
            try:
                # A lock of the process, not of the open file: workers must not inherit it.
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EACCES):
                    raise ValueError(
                        f"{self.path}: another process is training in this folder. Wait for it, "
                        "end it, or choose another --out"
                    ) from error
                # else a file system without locks
            yield

    @contextmanager
    def removed_if_in_vain(self) -> Iterator[None]:
        """Leave nothing of a run that was refused before its first metrics."""
        new = not self.path.exists()
        try:
            yield
        except ValueError:
            if new and not self._has_metrics() and not any(self.checkpoints.glob("step-*")):
                shutil.rmtree(self.path, ignore_errors=True)
            raise

    def _has_metrics(self) -> bool:
        return self.metrics.is_file() and self.metrics.read_text().count("\n") > 1

    def write_settings(self, config: RunConfig) -> None:
        """Write the resolved settings."""
        self.path.mkdir(parents=True, exist_ok=True)
        _write_whole(self.settings, dumps(config))

    def write_json(self, path: Path, content: object) -> None:
        """Write a JSON file whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, json.dumps(content, indent=2) + "\n")

    def read_json(self, path: Path) -> Any:
        """Read a JSON file of the run."""
        return json.loads(path.read_text())

    def _check_same(self, config: RunConfig) -> None:
        there = tomllib.loads(self.settings.read_text())
        changed = list(_differences(there, tomllib.loads(dumps(config))))
        if changed:
            listed = "".join(f"\n  - {line}" for line in changed[:8])
            raise ValueError(
                f"{self.path}: another run lies here; its checkpoints cannot go on with other "
                f"settings. Different:{listed}\nChoose another --out, or repeat the run with: "
                f"tacit pretrain {self.settings}"
            )


def environment() -> dict[str, str]:
    """The machine and library versions, for the record."""
    names = ("tacit", "torch", "numpy", "datasets", "safetensors")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: metadata.version(name) for name in names},
    }


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


def _differences(
    there: Mapping[str, Any], here: Mapping[str, Any], path: str = ""
) -> Sequence[str]:
    found: list[str] = []
    for key in sorted({*there, *here}):
        name = f"{path}.{key}" if path else key
        old, new = there.get(key), here.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += _differences(old, new, name)
        elif old != new and name not in _NO_DIFFERENCE:
            found.append(f"{name}: {old!r} there, {new!r} now")
    return found
