"""Time and memory of every benchmark here: cases side by side in one process on a busy machine.

Times are CPU seconds, not wall seconds: other work on the machine stretches the wall clock, and the
CPU clock of this process far less. Cases run in turn, so a slow minute falls on all of them, and
the median of the rounds is kept. Trust the ratios between cases before the values.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_PAGE_THRESHOLD = "65536"  # bytes; larger blocks then come from, and return to, the system itself


def compare(cases: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each case.

    Each case runs once to warm up, then all cases take turns for `rounds` rounds. The CPU time of
    all threads of this process counts: set `torch.set_num_threads(1)` to compare single threads.

    Args:
        cases: name to a callable without arguments, which does one whole piece of work.
        rounds: measured runs of each case, at least 1.

    Returns:
        name to median CPU seconds, in the order of `cases`.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    for case in cases.values():
        case()
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            started = time.process_time()
            case()
            seconds[name].append(time.process_time() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def beside(
    cases: Mapping[str, Callable[[], object]],
    warm_ups: Mapping[str, Callable[[], object]],
    rounds: int,
) -> dict[str, Any]:
    """The columns of a row: time and peak memory of each case, and the first one's beside others'.

    Args:
        cases: as in `compare`, ours first; each can be pickled.
        warm_ups: by the same names, as in `peak_memory`.
        rounds: as in `compare`.
    """
    seconds = compare(cases, rounds)
    memory = {name: peak_memory(case, warm_ups[name]) for name, case in cases.items()}
    ours, *others = cases
    return {
        "milliseconds": {name: round(1e3 * spent, 3) for name, spent in seconds.items()},
        "peak_mb": {name: round(taken / 1e6, 1) for name, taken in memory.items()},
        "times_faster": {name: round(seconds[name] / seconds[ours], 2) for name in others},
        "times_smaller": {name: round(memory[name] / max(memory[ours], 1), 2) for name in others},
    }


def peak_memory(case: Callable[[], object], warm_up: Callable[[], object] | None = None) -> int:
    """Bytes by which `case` raises the peak resident memory of a fresh process.

    The case runs in a new interpreter, so it must be picklable: a function of a module, or a
    `functools.partial` of one. What `warm_up` needs (imports, inputs, a first small call that
    loads kernels) counts as the base and is not part of the answer.

    Args:
        case: the work to measure.
        warm_up: run first and not counted.

    Returns:
        bytes over the base, rounded to the kernel's pages.
    """
    with _allocations_from_the_system():
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_report_peak, args=(sender, case, warm_up))
        process.start()
        sender.close()
        try:
            answer = receiver.recv()
        except EOFError:
            answer = RuntimeError("the measured process died before it answered: out of memory?")
        process.join()
    if isinstance(answer, BaseException):
        raise answer
    return int(answer)


def machine() -> dict[str, Any]:
    """What a reader must know to read the numbers: processor, threads, load, versions."""
    import torch

    wanted = ("torch", "torchvision", "numpy", "tacit", "lightly", "lightning", "timm")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "versions": {name: version for name in wanted if (version := _version(name))},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def write(name: str, payload: Mapping[str, Any]) -> Path:
    """Keep `payload` beside `machine()` as `benchmarks/results/<name>.json`; returns that path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), **payload}, indent=1) + "\n")
    return path


def _report_peak(
    sender: Any, case: Callable[[], object], warm_up: Callable[[], object] | None
) -> None:
    try:
        if warm_up is not None:
            warm_up()
        _forget_peak()
        base = _status("VmRSS") if _status("VmHWM") else _maximum_resident()
        case()
        sender.send((_status("VmHWM") or _maximum_resident()) - base)
    except BaseException as error:
        sender.send(RuntimeError(f"{type(error).__name__}: {error}"))


def _forget_peak() -> None:
    """Restart the high-water mark: a warm-up larger than the case must not hide it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # not Linux, or not allowed: the peak then starts from the warm-up's own peak
        return


def _status(field: str) -> int:
    """Bytes of one line of /proc/self/status, 0 where there is none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    found = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return int(next(found, "0")) * 1024


def _maximum_resident() -> int:
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def _allocations_from_the_system() -> Iterator[None]:
    """Let a child's malloc hand large blocks back at once; otherwise reuse hides the true peak."""
    before = os.environ.get("MALLOC_MMAP_THRESHOLD_")
    os.environ["MALLOC_MMAP_THRESHOLD_"] = _PAGE_THRESHOLD
    try:
        yield
    finally:
        if before is None:
            del os.environ["MALLOC_MMAP_THRESHOLD_"]
        else:
            os.environ["MALLOC_MMAP_THRESHOLD_"] = before


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
