"""Checkpoints: written whole or not at all, verified when read, never unpickled."""

from __future__ import annotations

import errno
import json
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tacit.training.parallel import World, barrier
from tacit.training.tree import flatten, unflatten

FORMAT = 1
_MANIFEST = "manifest.json"


def save(folder: Path, step: int, shared: Any, own: Any, *, world: World, keep: int = 2) -> Path:
    """Write the state of a step; it appears under its name only when it is complete.

    Args:
        folder: where the checkpoints of a run lie.
        step: optimiser steps done, the checkpoint's name.
        shared: nested state that is the same on all processes; the first writes it.
        own: nested state of each process (random number generators).
        world: this process among the others.
        keep: how many checkpoints to leave; older ones are removed.

    Raises:
        ValueError: the disk is full or the folder cannot be written.
    """
    final, draft = folder / f"step-{step:08d}", folder / f".step-{step:08d}.draft"
    with _told(folder), _swept(draft):
        if world.leads:
            for left in (*folder.glob(".step-*.draft"), *folder.glob(".step-*.gone")):
                shutil.rmtree(left)  # of a run that was killed meanwhile
            draft.mkdir(parents=True)
        barrier()
        _write_tree(draft, f"rank-{world.rank}", own)
        if world.leads:
            _write_tree(draft, "state", shared)
        barrier()
        if world.leads:
            _seal(draft, step, world.size)
            if final.exists():
                shutil.rmtree(final)
            draft.rename(final)
            _sync(folder)
            for old in steps(folder)[:-keep]:
                old.rename(gone := old.with_name(f".{old.name}.gone"))  # complete or absent
                shutil.rmtree(gone)
        barrier()
    return final


def steps(folder: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    return sorted(folder.glob("step-*")) if folder.is_dir() else []


def load(path: Path, *, world: World) -> tuple[Any, Any]:
    """The shared state and this process's own, verified against the manifest.

    Raises:
        ValueError: a file is missing or corrupted, or another number of processes wrote it.
    """
    manifest = verify(path)
    if manifest["processes"] != world.size:
        raise ValueError(
            f"{path}: written by {manifest['processes']} processes; this run has {world.size}. "
            "An exact resume needs the same number"
        )
    return _read_tree(path, "state"), _read_tree(path, f"rank-{world.rank}")


def load_shared(path: Path) -> Any:
    """The shared state alone, for export and evaluation; verified.

    Raises:
        ValueError: a file is missing or corrupted.
    """
    verify(path)
    return _read_tree(path, "state")


def verify(path: Path) -> dict[str, Any]:
    """The manifest of a checkpoint whose files all match it.

    Raises:
        ValueError: which file is missing or corrupted, and what to do.
    """
    mend = "remove that folder to go on from the checkpoint before it"
    try:
        manifest: dict[str, Any] = json.loads((path / _MANIFEST).read_text())
        written, listed = manifest.get("format"), dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"corrupted checkpoint {path}: unreadable {_MANIFEST}; {mend}") from error
    if written != FORMAT:
        raise ValueError(
            f"checkpoint {path}: wanted format {FORMAT}; got {written}: "
            "it was written by another version of tacit"
        )
    for name, sums in listed.items():
        if not (path / name).is_file() or _checksum(path / name) != sums:
            raise ValueError(f"corrupted checkpoint {path}: {name} is missing or changed; {mend}")
    return manifest


def room_for(folder: Path, need: int) -> None:
    """Refuse to start where a checkpoint could not be written.

    Args:
        folder: where the checkpoints will lie.
        need: bytes wanted.

    Raises:
        ValueError: the folder cannot be made or written, or too little space is left.
    """
    probe = folder / ".probe"
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"tacit")
        probe.unlink()
    free = shutil.disk_usage(folder).free
    if free < need:
        raise ValueError(
            f"{folder}: checkpoints need {need / 2**20:.0f} MiB free; the disk has "
            f"{free / 2**20:.0f} MiB. Free some, or choose another folder with --out"
        )


class _swept:
    """Leave no half-written checkpoint behind; a full disk needs the space."""

    def __init__(self, draft: Path) -> None:
        self.draft = draft

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            shutil.rmtree(self.draft, ignore_errors=True)


class _told:
    """File errors as sentences a user can act on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, OSError):
            return
        if error.errno == errno.ENOSPC:
            raise ValueError(
                f"the disk of {self.folder} is full: the checkpoint was not written, the one "
                "before it is whole. Free some space and start the same command again"
            ) from error
        raise ValueError(
            f"cannot write to {self.folder}: {error.strerror or error}. Choose a folder you may "
            "write to with --out"
        ) from error


def _write_tree(folder: Path, name: str, tree: Any) -> None:
    tensors, skeleton = flatten(tree)
    written: dict[str, Tensor] = {}
    seen: set[int] = set()
    for key, tensor in tensors.items():
        held = tensor.cpu().contiguous()
        shares = held.untyped_storage().data_ptr() in seen
        seen.add(held.untyped_storage().data_ptr())
        written[key] = held.clone() if shares else held
    _durably(folder / f"{name}.safetensors", lambda path: save_file(written, path))
    _durably(folder / f"{name}.json", lambda path: path.write_text(json.dumps(skeleton)))


def _read_tree(folder: Path, name: str) -> Any:
    tensors = load_file(folder / f"{name}.safetensors")
    return unflatten(json.loads((folder / f"{name}.json").read_text()), tensors)


def _seal(draft: Path, step: int, processes: int) -> None:
    files = {item.name: _checksum(item) for item in sorted(draft.iterdir())}
    manifest = {"format": FORMAT, "step": step, "processes": processes, "files": files}
    _durably(draft / _MANIFEST, lambda path: path.write_text(json.dumps(manifest, indent=1)))
    _sync(draft)


def _durably(path: Path, write: Callable[[Path], object]) -> None:
    try:
        write(path)
    except Exception as error:  # safetensors hides ENOSPC in an error of its own
        if "No space left" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checksum(path: Path) -> list[int]:
    crc, size = 0, 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            crc, size = zlib.crc32(block, crc), size + len(block)
    return [size, crc]


def clone(tree: Any) -> Any:
    """A deep copy of a nested state, tensors included, on their devices."""
    if isinstance(tree, Tensor):
        return tree.detach().clone()
    if isinstance(tree, dict):
        return {key: clone(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(clone(item) for item in tree)
    return tree


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Torch's default generators: what dropout draws from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Put torch's default generators back."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
