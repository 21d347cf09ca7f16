"""Asked to stop, a run ends at a checkpoint it goes on from; gone wrong, it says what and where."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import processes
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tacit.api import Run
from tacit.api import pretrain as pretrain_run
from tacit.api.watch import CollapseWarning
from tacit.cli import main
from tacit.contract import PooledEncoder
from tacit.training.loop import Observer
from tacit.training.recorder import DivergedError
from tacit_vision.data import ImagesInMemory

TINY = [
    "steps=30",
    "batch=96",
    "checkpoint_every=7",
    "log_every=3",
    "watch_every=0",
    "workers=0",
    "encoder.patch=2",
    "encoder.width=32",
    "encoder.depth=1",
    "encoder.heads=2",
    "objective.projector.widths=[32,16]",
]


@pytest.mark.parametrize("world", [1, 2])
def test_sigterm_writes_a_checkpoint_and_the_same_command_ends_the_same(
    tmp_path: Path, world: int
) -> None:
    whole, stopped, log = tmp_path / "whole", tmp_path / "stopped", tmp_path / "log"

    def command(out: Path) -> list[str]:
        data = ["--data", "vision/digits", "--no-evaluate", "--out", str(out)]
        return ["pretrain", "simclr", *data, *TINY]

    assert processes.finish(processes.start(command(whole), log, world)) == [0] * world
    running = processes.start(command(stopped), log, world)
    processes.wait_for_step(running, stopped, 6)
    assert running[-1].pid is not None
    os.kill(running[-1].pid, signal.SIGTERM)  # to one of them; all stop
    assert processes.finish(running) == [3] * world, log.read_text()
    assert not (stopped / "encoders").exists()
    newest = sorted((stopped / "checkpoints").iterdir())[-1]
    assert f"stopped at step {int(newest.name.removeprefix('step-'))};" in log.read_text()
    assert processes.finish(processes.start(command(stopped), log, world)) == [0] * world
    processes.assert_same_run(whole, stopped)


def test_in_python_the_signal_goes_on_to_whoever_handled_it_before(
    tmp_path: Path, handled: list[int]
) -> None:
    class Scheduler:
        def metrics(self, step: int, values: Mapping[str, float]) -> None:
            return

        def checkpoint(self, step: int, path: Path) -> None:
            return

        def progress(self, step: int, total: int | None, instances_per_second: float) -> None:
            if step == 3:
                signal.raise_signal(signal.SIGTERM)

    def train(*observers: Observer) -> Run:
        return pretrain_run(
            "simclr",
            data=images(),
            encoder={"image": "vision/vit"},
            out=tmp_path / "run",
            settings={"steps": 6, "batch": 16, "log_every": 1, "watch_every": 0, "workers": 0},
            observers=observers,
        )

    assert not train(Scheduler()).finished
    assert handled == [signal.SIGTERM]
    assert list((tmp_path / "run" / "checkpoints").iterdir())
    assert train().finished
    assert len(handled) == 1


@pytest.fixture
def handled() -> Iterator[list[int]]:
    """The signals that reached this process's own handler."""
    found: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: found.append(number))
    yield found
    signal.signal(signal.SIGTERM, before)


def images() -> ImagesInMemory:
    generator = torch.Generator().manual_seed(0)
    return ImagesInMemory(torch.randint(0, 256, (64, 3, 8, 8), generator=generator).byte())


class Poisoned(nn.Module):
    """A linear network that breaks at its n-th forward: in its output, or in its gradient alone."""

    def __init__(self, at: int, *, gradient: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * 8 * 8, 8)
        self.at, self.gradient, self.calls = at, gradient, 0

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.linear(value.float().flatten(1))
        self.calls += self.training
        if self.calls != self.at:
            return out
        if not self.gradient:
            return out * torch.nan
        out.register_hook(lambda gradient: gradient * torch.inf)
        return out


def pretrain(network: nn.Module, out: Path, **settings: object) -> Run:
    tree = {
        "steps": 20,
        "batch": 16,
        "log_every": 5,
        "checkpoint_every": 4,
        "watch_every": 0,
        "device": "cpu",
        "objective": {"projector": {"widths": [8, 8]}},
        **settings,
    }
    encoder = PooledEncoder(network, modality="image", width=8)
    return pretrain_run("simclr", data=images(), encoder=encoder, out=out, settings=tree)


def saved_steps(out: Path) -> list[int]:
    return sorted(int(p.name.removeprefix("step-")) for p in (out / "checkpoints").glob("step-*"))


def test_a_loss_that_is_no_number_names_its_step_and_instances(tmp_path: Path) -> None:
    with pytest.raises(
        DivergedError, match=r"the loss is not finite at step 10: loss/nt_xent=nan"
    ) as got:
        pretrain(Poisoned(at=10), tmp_path / "run")
    assert got.value.step == 10
    assert len(set(got.value.index)) == 16
    assert all(0 <= index < 64 for index in got.value.index)
    assert str(got.value.index[0]) in str(got.value)
    assert saved_steps(tmp_path / "run") == [4, 8]


def test_weights_that_are_no_numbers_are_never_saved(tmp_path: Path) -> None:
    # The gradient of step 8 is not finite and its loss is: step 8 must not become a checkpoint.
    with pytest.raises(DivergedError, match="the weights are not finite at step 8: loss/nt_xent="):
        pretrain(Poisoned(at=8, gradient=True), tmp_path / "run")
    assert saved_steps(tmp_path / "run") == [4]
    for path in (tmp_path / "run").rglob("*.safetensors"):
        for tensor in load_file(path).values():
            assert tensor.isfinite().all()


def test_the_command_line_says_in_a_line_that_training_diverged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    broken = [
        "optimizer.lr=1e30",
        "schedules.lr_factor.kind=constant",
        "schedules.lr_factor.value=1",
    ]
    code = main(
        ["pretrain", "simclr", "--data", "vision/digits", "--out", str(out), *TINY, *broken]
    )
    error = capfd.readouterr().err
    assert code == 2
    assert error.startswith("tacit: error: the ")
    assert "not finite at step" in error
    assert "Data set indices of the batch:" in error
    assert "Traceback" not in error
    assert error.count("\n") == 1


def test_an_encoder_that_answers_the_same_to_everything_is_reported(tmp_path: Path) -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.answer = nn.Parameter(torch.ones(8))

        def forward(self, value: torch.Tensor) -> torch.Tensor:
            return self.answer.expand(len(value), 8)

    with pytest.warns(CollapseWarning) as told:
        pretrain(Constant(), tmp_path / "run", steps=4, watch_every=4)
    assert any("the image embeddings look collapsed" in str(each.message) for each in told)
