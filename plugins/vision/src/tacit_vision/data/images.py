"""A table of encoded images as a source: looked through first, then decoded once or as needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch
from torch import Tensor

from tacit.contract import Batch
from tacit.data import OnError, Source, fingerprint, index_tensor, mixed_seed, scan
from tacit_vision.data.decode import DEEP, PLAIN, Encoded, Header, Resize, decode, look, name
from tacit_vision.data.memory import shape_words

if TYPE_CHECKING:
    import datasets

Cache: TypeAlias = Literal["auto", "memory", "off"]

MEMORY_LIMIT = 2 * 1024**3  # bytes of pixels that `auto` keeps


@dataclass(frozen=True, kw_only=True)
class ReadConfig:
    """How encoded images are read.

    Args:
        size: height and width all images are brought to; none: they must agree as they are.
        resize: how, where a size is given: `crop` (the default) scales the shorter side and keeps
            the centre, `stretch` gives up the proportions.
        channels: 1 or 3 converts all images; none: they must all be grey or all be colour.
        cache: `memory` decodes all images once, on opening; `off` decodes them anew each time, in
            worker processes; `auto` is `memory` up to 2 GiB of pixels.
        limit: use only so many images: a fixed random choice, kept in order.
        on_error: `raise` refuses data with unreadable images; `skip` leaves those out and reports.

    Raises:
        ValueError: a setting out of range, or without effect.
    """

    size: int | None = None
    resize: Resize | None = None
    channels: Literal[1, 3] | None = None
    cache: Cache = "auto"
    limit: int | None = None
    on_error: OnError = "raise"

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise ValueError(f"size: wanted at least 1; got {self.size}")
        if self.resize is not None and self.size is None:
            raise ValueError(f"resize={self.resize!r} has no effect without size: set size as well")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit: wanted at least 1; got {self.limit}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Encoded images and what is known of them, not yet looked at.

    Args:
        origin: where they come from, for messages.
        images: a table of one column, of type `Image(decode=False)`.
        label: the label of every row.
        label_names: names of the classes.
        group: the group of every row.
    """

    origin: str
    images: datasets.Dataset
    label: Tensor | None = None
    label_names: tuple[str, ...] | None = None
    group: Tensor | None = None


class Images(Source):
    """A table of encoded images, each of them looked at on opening.

    With pixels in memory a batch is one indexing operation; otherwise images are decoded as they
    are fetched.

    Raises:
        ValueError: no images, fewer than `limit`, unreadable ones, or such that differ in size or
            channels without a setting that says what to do.
    """

    modalities = ("image",)

    def __init__(self, table: Table, config: ReadConfig) -> None:
        self.table, self.read = table, config
        rows = _chosen(len(table.images), config.limit, table.origin)
        headers: dict[int, Header] = {}

        def readable(row: int) -> None:
            headers[row] = look(self._encoded(row))

        rows = self._sift(rows, readable)
        self.shape = _agreed({row: headers[row] for row in rows}, self._name, table.origin, config)
        self._pixels: Tensor | None = None
        if self._fits(len(rows)):
            rows = self._decode_all(rows)
        self.decodes = self._pixels is None
        self._rows = torch.tensor(rows)
        self.label_names = table.label_names

    def __len__(self) -> int:
        return int(self._rows.shape[0])

    def fetch(self, indices: Sequence[int]) -> Batch:
        """The images at these positions, uint8 (instances, channels, height, width)."""
        index = index_tensor(indices)
        rows = self._rows[index]
        if self._pixels is not None:
            pixels = self._pixels[index]
        else:
            pixels = torch.stack([self._fetched(row) for row in rows.tolist()])
        label, group = self.table.label, self.table.group
        return Batch(
            values={"image": pixels},
            index=index,
            label=None if label is None else label[rows],
            group=None if group is None else group[rows],
        )

    def labels(self) -> Tensor | None:
        """The label of every image."""
        return None if self.table.label is None else self.table.label[self._rows]

    def groups(self) -> Tensor | None:
        """The group of every image."""
        return None if self.table.group is None else self.table.group[self._rows]

    def fingerprint(self) -> str:
        """Of the encoded first and last image, of all labels and groups, and of how it is read.

        The same whatever decodes the images, and wherever they lie.
        """
        ends = [self._content(int(self._rows[position])) for position in (0, -1)]
        known = (self.labels(), self.groups(), self.label_names)
        reading = (self.read.size, self.read.resize, self.read.channels)
        return fingerprint(len(self), ends, known, reading)

    def describe(self) -> str:
        """One line for people, with the shape of the images and where they come from."""
        return f"{super().describe()}, {shape_words(self.shape)}, from {self.table.origin}"

    def _encoded(self, row: int) -> Encoded:
        table = self.table.images
        encoded: Encoded | None = table.data.column(0)[row].as_py()
        return encoded or {"bytes": None, "path": None}

    def _name(self, row: int) -> str:
        return name(self._encoded(row), row)

    def _content(self, row: int) -> bytes:
        encoded = self._encoded(row)
        if encoded["bytes"] is not None:
            return encoded["bytes"]
        assert encoded["path"] is not None
        with open(encoded["path"], "rb") as file:
            return file.read()

    def _fetched(self, row: int) -> Tensor:
        try:
            return self._decoded(row)
        except ValueError as error:
            raise ValueError(f"{self._name(row)}: {error}; mend or remove it") from error

    def _decoded(self, row: int) -> Tensor:
        config = self.read
        pixels = decode(
            self._encoded(row),
            size=config.size,
            resize=config.resize or "crop",
            channels=config.channels,
        )
        if pixels.shape != self.shape:
            raise ValueError(
                f"another shape than its header says: wanted {shape_words(self.shape)}; "
                f"got {shape_words(pixels.shape)}"
            )
        return pixels

    def _sift(self, rows: list[int], read: Callable[[int], Any]) -> list[int]:
        """The rows that can be read; the others raise or are noted, as set."""

        def problem(position: int) -> str | None:
            try:
                read(rows[position])
            except ValueError as error:
                return f"{self._name(rows[position])}: {error}"
            return None

        found = scan(len(rows), problem, what="images", on_error=self.read.on_error)
        self.skipped += found.skipped
        return [rows[position] for position in found.kept]

    def _fits(self, count: int) -> bool:
        if self.read.cache == "auto":
            return count * torch.Size(self.shape).numel() <= MEMORY_LIMIT
        return self.read.cache == "memory"

    def _decode_all(self, rows: list[int]) -> list[int]:
        pixels = torch.empty((len(rows), *self.shape), dtype=torch.uint8)
        place = {row: position for position, row in enumerate(rows)}

        def keep(row: int) -> None:
            pixels[place[row]] = self._decoded(row)

        kept = self._sift(rows, keep)
        whole = len(kept) == len(rows)
        self._pixels = pixels if whole else pixels[[place[row] for row in kept]]
        return kept


def _chosen(count: int, limit: int | None, origin: str) -> list[int]:
    if count == 0:
        raise ValueError(f"{origin}: holds no images")
    if limit is None:
        return list(range(count))
    if limit > count:
        raise ValueError(f"{origin}: limit: wanted at most the {count} images; got {limit}")
    generator = torch.Generator().manual_seed(mixed_seed(0))
    return sorted(torch.randperm(count, generator=generator)[:limit].tolist())


def _agreed(
    headers: dict[int, Header], named: Callable[[int], str], origin: str, config: ReadConfig
) -> tuple[int, int, int]:
    """The one shape (channels, height, width) that all images will have."""
    modes = _kinds(headers, lambda header: header.mode, named)
    if deep := [said for mode, said in modes.items() if mode in DEEP]:
        raise ValueError(
            f"{origin}: images of more than 8 bits a channel: {'; '.join(deep)}. "
            "Scale them to 8 bits first"
        )
    if config.channels is None and (len(modes) > 1 or not set(modes) <= set(PLAIN)):
        raise ValueError(
            f"{origin}: images must all be grey (L) or all be colour (RGB); "
            f"got {'; '.join(modes.values())}. Set channels=1 or channels=3 to convert them"
        )
    sizes = _kinds(headers, lambda header: f"{header.height} x {header.width}", named)
    if config.size is None and len(sizes) > 1:
        raise ValueError(
            f"{origin}: images differ in size: {'; '.join(list(sizes.values())[:5])}. "
            'Set size=..., and resize="crop" or resize="stretch"'
        )
    first = next(iter(headers.values()))
    channels = config.channels or PLAIN[first.mode]
    if config.size is not None:
        return channels, config.size, config.size
    return channels, first.height, first.width


def _kinds(
    headers: dict[int, Header], kind: Callable[[Header], str], named: Callable[[int], str]
) -> dict[str, str]:
    """Every kind of image, most frequent first, with its number and its first example."""
    kinds = [kind(header) for header in headers.values()]
    counts, rows = Counter(kinds), list(headers)
    return {
        what: f"{count:,} {what} ({named(rows[kinds.index(what)])})"
        for what, count in counts.most_common()
    }
