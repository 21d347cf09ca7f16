"""What a run says of itself: metrics as CSV and TensorBoard, progress, and the stop at NaN."""

from __future__ import annotations

import csv
import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from tacit.contract import Losses

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


_LOSS = "loss/"  # beginning of the name of a term of the loss


class DivergedError(FloatingPointError):
    """A loss, or a weight, stopped being a number.

    Args:
        step: the first step it happened in, or was noticed in.
        index: data set indices of that step's batch.
        terms: the terms' values in that step.
        what: what is not finite.
    """

    def __init__(
        self, step: int, index: Sequence[int], terms: Mapping[str, float], what: str = "the loss is"
    ) -> None:
        self.step, self.index, self.terms = step, tuple(index), dict(terms)
        values = ", ".join(f"{name}={value:g}" for name, value in self.terms.items())
        shown = ", ".join(map(str, self.index[:16])) + (" ..." if len(self.index) > 16 else "")
        super().__init__(
            f"{what} not finite at step {step}: {values}. Data set indices of the batch: "
            f"{shown}. The last checkpoint is from before. Look at those instances; or lower the "
            "learning rate, set clip=1.0, or use precision=bf16 instead of fp16"
        )


@runtime_checkable
class Sink(Protocol):
    """Where metrics go."""

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Take the metrics of a step."""

    def close(self) -> None:
        """Let go of files."""


class Recorder:
    """Gathers the losses of each step on the device and reads them back once an interval.

    Nothing is read from the device in between, so the step never waits. Values are means over the
    interval. `order` is a running checksum of the data set indices seen: two runs with the same
    `order` saw the same data in the same order.
    """

    def __init__(self) -> None:
        self._steps: list[int] = []
        self._rows: list[dict[str, Tensor]] = []
        self._index: list[Tensor] = []
        self._order = 0
        self._known: Mapping[str, float] = {}
        self._step, self._seen = 0, torch.zeros(0)
        self._last: dict[str, Tensor] = {}

    def add(self, step: int, losses: Losses, index: Tensor, known: Mapping[str, float]) -> None:
        """Remember a step; `known` holds scheduled values, which need no reading back."""
        row = {_LOSS + name: term.detach() for name, term in losses.terms.items()}
        row.update(losses.metrics)
        self._step, self._last, self._seen = step, row, index
        self._steps.append(step)
        self._rows.append(row)
        self._index.append(index)
        self._known = known

    def check(self) -> None:
        """Refuse to go on from losses that are not finite; a checkpoint of them is no use.

        Raises:
            DivergedError: a loss since the last flush is not finite.
        """
        if self._rows:
            self._read()

    def weights_diverged(self) -> DivergedError:
        """The error to raise where losses are finite but the weights they led to are not."""
        terms = {n: float(v) for n, v in self._last.items() if _is_loss(n)}
        return DivergedError(self._step, self._seen.tolist(), terms, what="the weights are")

    def flush(self) -> dict[str, float]:
        """The means since the last flush, read back in one transfer.

        Raises:
            DivergedError: a loss of the interval is not finite.
        """
        if not self._rows:
            return {}
        names, read = self._read()
        seen = torch.cat(self._index).cpu().numpy()
        self._order = zlib.crc32(seen.tobytes(), self._order)
        means = {name: sum(values) / len(values) for name, values in zip(names, read, strict=True)}
        self._steps, self._rows, self._index = [], [], []
        return {**means, **self._known, "order": float(self._order)}

    def _read(self) -> tuple[list[str], list[list[float]]]:
        """Every name, and its values in the steps that had it; those of losses are finite.

        A step need not have all names: batches of unpaired data have the terms of one modality.
        Plain floats: an interval has few values, and an array costs more than it saves.
        """
        rows = self._rows
        names = list(dict.fromkeys(name for row in rows for name in row))
        flat = torch.stack([row[name] for name in names for row in rows if name in row])
        values = iter(flat.tolist())
        read = [[next(values) for row in rows if name in row] for name in names]
        losses = [found for name, found in zip(names, read, strict=True) if _is_loss(name)]
        if not all(math.isfinite(value) for found in losses for value in found):
            raise self._diverged(names, read)
        return names, read

    def _diverged(self, names: list[str], read: list[list[float]]) -> DivergedError:
        """The error of the first step that has a loss which is not finite."""
        places = {name: iter(values) for name, values in zip(names, read, strict=True)}
        for step, index, row in zip(self._steps, self._index, self._rows, strict=True):
            found = {name: next(values) for name, values in places.items() if name in row}
            terms = {name: value for name, value in found.items() if _is_loss(name)}
            if not all(map(math.isfinite, terms.values())):
                return DivergedError(step, index.tolist(), terms)
        raise AssertionError("some loss is not finite")

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold so that the next flush is the same."""
        return {
            "steps": list(self._steps),
            "rows": [dict(row) for row in self._rows],
            "index": [index.clone() for index in self._index],  # parts of a whole epoch's order
            "order": self._order,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self._steps, self._rows = list(state["steps"]), [dict(row) for row in state["rows"]]
        self._index, self._order = list(state["index"]), int(state["order"])


def _is_loss(name: str) -> bool:
    return name.startswith(_LOSS)


class CsvSink:
    """`metrics.csv`: one line a value, `step,name,value`; a resumed run drops what it redoes.

    Args:
        path: the file.
        resume_at: the step the run goes on from; later lines are removed.
    """

    def __init__(self, path: Path, resume_at: int) -> None:
        kept = _until(path, resume_at)
        draft = path.with_name(f".{path.name}.draft")  # killed in between, the old file is whole
        self._file = draft.open("w", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["step", "name", "value"])
        self._writer.writerows(kept)
        self._file.flush()
        draft.replace(path)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Append the values, exactly."""
        self._writer.writerows([step, name, repr(value)] for name, value in values.items())
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoardSink:
    """Event files for TensorBoard, beside wall-clock figures the CSV must not hold.

    Args:
        folder: where the event files go.
        resume_at: the step the run goes on from.
    """

    def __init__(self, folder: Path, resume_at: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: SummaryWriter = SummaryWriter(str(folder), purge_step=resume_at + 1)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Write scalars."""
        for name, value in values.items():
            if name != "order":
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()


def _until(path: Path, step: int) -> list[list[str]]:
    if not path.exists() or step == 0:
        return []
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [row for row in rows if len(row) == 3 and int(row[0]) <= step]
