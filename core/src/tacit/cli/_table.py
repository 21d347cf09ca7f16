"""Tables of plain text, since importing a library for them would double the start-up time."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns, as wide as their widest cell and two spaces apart."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]
    return "\n".join(lines)


def section(title: str, body: str) -> str:
    """A titled block, indented."""
    indented = "\n".join(f"  {line}" if line else "" for line in body.split("\n"))
    return f"{title}\n{indented}\n"
