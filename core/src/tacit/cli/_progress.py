"""Progress on the terminal: a bar where there is one, lines where there is not."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

_SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """An observer of the training loop that prints.

    Args:
        quiet: print nothing on standard output (it is kept for JSON); warnings still appear.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        from rich.console import Console

        self._console = Console(stderr=quiet)
        self._bar: Any = None
        self._task: Any = None
        self._shown: dict[str, str] = {}
        self._last_line = time.monotonic()
        self._show_warning = warnings.showwarning

    def __enter__(self) -> Progress:
        warnings.showwarning = self._warn  # type: ignore[assignment]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        warnings.showwarning = self._show_warning
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def announce(self, plan: Any, source: Any, folder: Any) -> None:
        """Say what is about to happen."""
        encoders = ", ".join(f"{c.component().name}" for c in plan.encoders.values())
        sizes = ", ".join(f"{_count(e):.2f} M parameters" for e in plan.build_encoders().values())
        self.say(f"{plan.method.name}: {plan.method.summary} ({plan.method.source})")
        self.say(f"data      {plan.config.data.name}: {source.describe()}")
        self.say(f"encoder   {encoders}, {sizes}")
        for stage in plan.stages:
            training = stage.training
            length = f"{training.epochs} epochs" if training.epochs else f"{training.steps} steps"
            length = "without end" if training.endless else length
            kind = training.optimizer.kind
            name = f" ({stage.stage.name})" if len(plan.stages) > 1 else ""
            self.say(f"training  {length} of batches of {training.batch}, {kind}{name}")
        left = _left_out(plan, source)
        if left:
            self.say(f"          {left} instances fill no whole batch: others each epoch")
        self.say(f"folder    {folder.path}")

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Remember what to show."""
        losses = [value for name, value in values.items() if name.startswith("loss/")]
        if losses:
            self._shown["loss"] = f"{sum(losses):.4f}"
        for name, word in (("watch/rank", "rank"), ("watch/knn", "knn")):
            if name in values:
                self._shown[word] = f"{values[name]:.3g}"
        if "watch/rank" in values and self._bar is None:
            self._line(step, None, 0.0)

    def progress(self, step: int, total: int | None, instances_per_second: float) -> None:
        """Show how far the run is."""
        if self._console.is_terminal:
            self._advance(step, total, instances_per_second)
        elif time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES or step == total:
            self._line(step, total, instances_per_second)

    def checkpoint(self, step: int, path: Path) -> None:
        """Checkpoints are not worth a line."""

    def _advance(self, step: int, total: int | None, rate: float) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        if self._bar is None:
            self._bar = Bar(
                TextColumn("step"),
                MofNCompleteColumn(),
                BarColumn(bar_width=None),
                TextColumn("{task.description}"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=total, completed=step)
        self._bar.update(self._task, completed=step, description=self._words(rate))

    def _line(self, step: int, total: int | None, rate: float) -> None:
        self._last_line = time.monotonic()
        of = f"/{total}" if total else ""
        self.say(f"step {step}{of}  {self._words(rate)}")

    def _words(self, rate: float) -> str:
        words = [f"{name} {value}" for name, value in self._shown.items()]
        return "  ".join([*words, f"{rate:,.0f} instances/s"] if rate else words)

    def _warn(self, message: Warning | str, category: type[Warning], *rest: Any) -> None:
        if category.__name__ == "CollapseWarning":
            self.say(f"warning: {message}")
        else:
            print(f"{category.__name__}: {message}", file=sys.stderr)


def _count(encoder: Any) -> float:
    return float(sum(p.numel() for p in encoder.parameters())) / 1e6


def _left_out(plan: Any, source: Any) -> int:
    from tacit.data import Source

    if not isinstance(source, Source) or source.mixture() is not None:
        return 0
    left: int = len(source) % plan.stages[0].training.batch
    return left
