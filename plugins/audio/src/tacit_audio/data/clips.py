"""A table of encoded clips as a source: looked through first, decoded once or as needed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from tacit.contract import Batch, Spans
from tacit.data import Draw, OnError, Source, fingerprint, index_tensor, mixed_seed, scan
from tacit_audio.data.decode import Encoded, Header, Wanted, decode, decode_into, look, name
from tacit_audio.sound import Sound, join, room

T = TypeVar("T")

Cache: TypeAlias = Literal["auto", "memory", "off"]

MEMORY_LIMIT = 2 * 1024**3  # bytes of samples that `auto` keeps


@dataclass(frozen=True, kw_only=True)
class ReadConfig:
    """How encoded clips are read.

    Args:
        rate: samples a second all clips are resampled to; none: they must agree as they are.
        channels: 1 mixes clips down to mono; none: they must agree as they are.
        excerpt: seconds; training reads a random excerpt of longer clips, everything else all of
            them. For recordings that are too long to be read whole.
        shortest: seconds; shorter clips are refused, or left out with on_error="skip".
        cache: `memory` decodes all clips once, on opening; `off` decodes them anew each time, in
            worker processes; `auto` is `memory` up to 2 GiB of samples.
        limit: use only so many clips: a fixed random choice, kept in order.
        on_error: `raise` refuses data with unreadable clips; `skip` leaves those out and reports.

    Raises:
        ValueError: a setting out of range.
    """

    rate: int | None = None
    channels: Literal[1] | None = None
    excerpt: float | None = None
    shortest: float = 0.0
    cache: Cache = "auto"
    limit: int | None = None
    on_error: OnError = "raise"

    def __post_init__(self) -> None:
        for setting in ("rate", "excerpt", "limit"):
            number = getattr(self, setting)
            if number is not None and number <= 0:
                raise ValueError(f"{setting}: wanted more than 0; got {number}")
        if self.shortest < 0:
            raise ValueError(f"shortest: wanted at least 0 seconds; got {self.shortest}")


@runtime_checkable
class Rows(Protocol):
    """Encoded clips by number."""

    def __len__(self) -> int:
        """How many."""

    def __getitem__(self, row: int) -> Encoded:
        """One of them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Encoded clips and what is known of them, not yet looked at.

    Args:
        origin: where they come from, for messages.
        clips: by row.
        label: the label of every row.
        label_names: names of the classes.
        group: the group of every row (its speaker, its recording).
        spans: labels along the clips, in seconds, by row.
    """

    origin: str
    clips: Rows
    label: Tensor | None = None
    label_names: tuple[str, ...] | None = None
    group: Tensor | None = None
    spans: Spans | None = None


class Clips(Source):
    """A table of encoded clips, each of them looked at on opening.

    Raises:
        ValueError: no clips, fewer than `limit`, unreadable or too short ones, labels behind the
            end of a clip, or clips that differ in rate or channels without a setting that says what
            to do.
    """

    modalities = ("audio",)

    def __init__(self, table: Table, config: ReadConfig) -> None:
        self.table, self.read = table, config
        rows = _chosen(len(table.clips), config.limit, table.origin)
        self._headers: dict[int, Header] = {}
        rows = self._sift(rows, self._note)
        self.rate, self.channels = self._agreed(rows)
        self._waves: dict[int, Tensor] | None = None
        if self._fits(rows):
            self._waves = {}
            rows = self._sift(rows, self._decode_into_memory)
        self.decodes = self._waves is None
        self._rows = torch.tensor(rows)
        self.label_names = table.label_names
        self._spans = None if table.spans is None else table.spans.of(self._rows)
        self._check_spans()

    def __len__(self) -> int:
        return len(self._rows)

    def fetch(self, indices: Sequence[int]) -> Batch:
        """The clips at these positions, whole, the shorter ones padded."""
        rows = self._at(indices)
        if rows and self._waves is None and all(self._is_as_wanted(row) for row in rows):
            return self._batch(indices, self._in_place(rows))
        return self._batch(indices, join([self._clip(row) for row in rows], self.rate))

    def fetch_random(self, indices: Sequence[int], draw: Draw) -> Batch:
        """As `fetch`, of longer clips a random `excerpt`."""
        if self.read.excerpt is None:
            return self.fetch(indices)
        clips = [
            self._excerpt(row, self.read.excerpt, draw.generator(index))
            for index, row in zip(indices, self._at(indices), strict=True)
        ]
        return self._batch(indices, join(clips, self.rate))

    def labels(self) -> Tensor | None:
        """The label of every clip."""
        return None if self.table.label is None else self.table.label[self._rows]

    def groups(self) -> Tensor | None:
        """The group of every clip."""
        return None if self.table.group is None else self.table.group[self._rows]

    def spans(self) -> Spans | None:
        """Labels along the clips, in seconds."""
        return self._spans

    def lengths(self) -> Int[Tensor, " instances"]:
        """Samples of every clip at the common rate; of an excerpt no more than it has."""
        longest = self.read.excerpt or math.inf
        seconds = (min(self._seconds(row), longest) for row in self._rows.tolist())
        return torch.tensor([round(each * self.rate) for each in seconds])

    def fingerprint(self) -> str:
        """Of the encoded first and last clip, of all labels and groups, and of how it is read."""
        ends = [self._content(int(self._rows[position])) for position in (0, -1)]
        known = (self.labels(), self.groups(), self.label_names)
        read = (self.rate, self.channels, self.read.shortest)
        along = () if self._spans is None else (self._spans,)
        return fingerprint(len(self), ends, known, read, *along)

    def describe(self) -> str:
        """One line for people: how much, of what rate, resampled from what, from where."""
        seconds = sum(self._seconds(row) for row in self._rows.tolist())
        rates = {self._headers[row].rate for row in self._rows.tolist()} - {self.rate}
        resampled = f", resampled from {' and '.join(map(str, sorted(rates)))} Hz" if rates else ""
        return (
            f"{super().describe()}, {seconds / 60:.1f} minutes at {self.rate} Hz{resampled}, "
            f"from {self.table.origin}"
        )

    def _check_spans(self) -> None:
        if self._spans is None or len(self._spans) == 0:
            return
        seconds = torch.tensor([self._seconds(row) for row in self._rows.tolist()])
        behind = (self._spans.start >= seconds[self._spans.instance]).nonzero().flatten()
        if len(behind):
            span = int(behind[0])
            row = int(self._rows[self._spans.instance[span]])
            raise ValueError(
                f"{self.table.origin}: segments: {name(self.table.clips[row], row)} is "
                f"{self._seconds(row):g} s long; got one that starts at "
                f"{float(self._spans.start[span]):g}: wanted seconds from the start of the file"
            )

    def _at(self, indices: Sequence[int]) -> list[int]:
        rows: list[int] = self._rows[index_tensor(indices)].tolist()
        return rows

    def _is_as_wanted(self, row: int) -> bool:
        header = self._headers[row]
        return header.rate == self.rate and header.channels == self.channels == 1

    def _in_place(self, rows: list[int]) -> Sound:
        """Clips that need nothing but decoding, each where it belongs in the batch."""
        sizes = [self._headers[row].samples for row in rows]
        sound, places = room(torch.empty(0), 1, sizes, self.rate)
        for row, place in zip(rows, places, strict=True):
            self._named(row, partial(decode_into, self.table.clips[row], place))
        return sound

    def _batch(self, indices: Sequence[int], sound: Sound) -> Batch:
        index = index_tensor(indices)
        label, group = self.labels(), self.groups()
        return Batch(
            values={"audio": sound},
            index=index,
            label=None if label is None else label[index],
            group=None if group is None else group[index],
        )

    def _clip(self, row: int) -> Tensor:
        if self._waves is not None:
            return self._waves[row]
        return self._named(row, lambda: self._decoded(row))

    def _excerpt(self, row: int, seconds: float, generator: torch.Generator) -> Tensor:
        header = self._headers[row]
        share = float(torch.rand((), generator=generator))
        if self._waves is not None:
            wave, size = self._waves[row], round(seconds * self.rate)
            start = int(share * (max(0, wave.shape[1] - size) + 1))
            return wave[:, start : start + size]
        size = min(round(seconds * header.rate), header.samples)
        start = int(share * (header.samples - size + 1))
        return self._named(row, lambda: decode(self.table.clips[row], self._wanted, start, size))

    @property
    def _wanted(self) -> Wanted:
        return Wanted(rate=self.read.rate, channels=self.read.channels)

    def _decoded(self, row: int) -> Tensor:
        return decode(self.table.clips[row], self._wanted)

    def _decode_into_memory(self, row: int) -> None:
        assert self._waves is not None
        self._waves[row] = self._decoded(row)

    def _note(self, row: int) -> None:
        header = look(self.table.clips[row])
        if header.samples < self.read.shortest * header.rate:
            raise ValueError(
                f"too short: wanted {self.read.shortest:g} s; got {header.samples / header.rate:g}"
            )
        self._headers[row] = header

    def _content(self, row: int) -> bytes:
        encoded = self.table.clips[row]
        if encoded["bytes"] is not None:
            return encoded["bytes"]
        assert encoded["path"] is not None
        with open(encoded["path"], "rb") as file:
            return file.read()

    def _named(self, row: int, read: Callable[[], T]) -> T:
        try:
            return read()
        except ValueError as error:
            clip = name(self.table.clips[row], row)
            raise ValueError(f"{clip}: {error}; mend or remove it") from error

    def _sift(self, rows: list[int], read: Callable[[int], None]) -> list[int]:
        """The rows that can be read; the others raise or are noted, as set."""

        def problem(position: int) -> str | None:
            row = rows[position]
            try:
                read(row)
            except ValueError as error:
                return f"{name(self.table.clips[row], row)}: {error}"
            return None

        found = scan(len(rows), problem, what="clips", on_error=self.read.on_error)
        self.skipped += found.skipped
        return [rows[position] for position in found.kept]

    def _agreed(self, rows: list[int]) -> tuple[int, int]:
        rate = self.read.rate or self._one("rate", rows, "rate=... to resample them (16000?)")
        channels = self.read.channels or self._one("channels", rows, "channels=1 to mix them down")
        return rate, channels

    def _one(self, what: Literal["rate", "channels"], rows: list[int], hint: str) -> int:
        kinds = Counter(getattr(self._headers[row], what) for row in rows)
        if len(kinds) > 1:
            listed = ", ".join(f"{number} of {kind}" for kind, number in kinds.most_common(4))
            first = {getattr(self._headers[row], what): row for row in reversed(rows)}
            names = ", ".join(name(self.table.clips[row], row) for row in first.values())
            raise ValueError(
                f"{self.table.origin}: clips differ in {what}: {listed}; for instance {names}. "
                f"Set {hint}"
            )
        return int(next(iter(kinds)))

    def _seconds(self, row: int) -> float:
        return self._headers[row].samples / self._headers[row].rate

    def _fits(self, rows: list[int]) -> bool:
        if self.read.cache == "auto":
            seconds = math.fsum(self._seconds(row) for row in rows)
            return 4 * seconds * self.rate * self.channels <= MEMORY_LIMIT
        return self.read.cache == "memory"


def _chosen(count: int, limit: int | None, origin: str) -> list[int]:
    if count == 0:
        raise ValueError(f"{origin}: holds no clips")
    if limit is None:
        return list(range(count))
    if limit > count:
        raise ValueError(f"{origin}: limit: wanted at most the {count} clips; got {limit}")
    generator = torch.Generator().manual_seed(mixed_seed(0))
    return sorted(torch.randperm(count, generator=generator)[:limit].tolist())
