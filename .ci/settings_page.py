"""Write docs/reference/settings.md from the dataclasses that are the settings.

Usage: python .ci/settings_page.py docs/reference/settings.md      (make pages)
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from tacit.api.config import RunConfig
from tacit.config import describe
from tacit.plugin import load_plugins
from tacit.training.settings import Training

HEAD = """\
# Settings

Generated from the dataclasses by `make pages`. A run is a tree of settings with three doors that
agree: a run file, `key=value` on the command line, and `settings=` in Python. An unknown key is an
error with a suggestion. `tacit pretrain METHOD --data DATA --show` prints the tree of one run,
resolved.

Short spellings: what belongs to `training` may stand at the top (`epochs=50`,
`optimizer.lr=0.001`), and `encoder` and `views` need no modality where there is only one
(`encoder.width=192`).
"""
KINDS = {
    "encoders": "Encoders, under `encoder`",
    "augmentations": "Views, under `views`",
    "sources": "Sources, under `data`",
}


def table(cls: type) -> str:
    """The settings of one dataclass, choices under a line of their own."""
    lines = ["| setting | takes | default | what for |", "|---|---|---|---|"]
    when = ""
    for field in describe(cls):
        if field.when and field.when != when:
            lines.append(f"| *with* `{field.when}` | | | |")
        when = field.when
        default = "*must be given*" if field.default is None else f"`{field.default}`"
        cells = (f"`{field.name}`", field.type, default, field.doc)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def sections() -> Iterable[tuple[str, str]]:
    """Heading and body of every part of the page."""
    yield "## The run", table(RunConfig)
    yield "## Training, under `training` or at the top", table(Training)
    catalogue = load_plugins(allow=("vision",))
    yield "## Objectives, under `objective`", "By method; the defaults are the method's."
    for offer in catalogue.offers("methods"):
        for stage in offer.load()().stages:
            yield f"### {offer.name}", table(type(stage.config))
    for kind, title in KINDS.items():
        yield f"## {title}", "`name` chooses, the rest are its settings."
        for offer in catalogue.offers(kind):
            yield f"### {offer.name}", f"{offer.summary}.\n\n{table(offer.load().Config)}"


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"\n{heading}\n\n{body}\n" for heading, body in sections())


def main() -> None:
    """Write the page."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    Path(sys.argv[1]).write_text(page())


if __name__ == "__main__":
    main()
