"""A card for every installed method and the grid of methods and modalities, from the code.

mkdocs runs it as a hook, so the pages are never out of date and none is committed:

    methods/index.md        which method runs on which modality, or what it lacks
    methods/<name>.md       what it computes, when to use it, what it needs and costs, our numbers

Numbers come from benchmarks/results; the rest from offers, methods and docstrings, but for what the
families are for, which stands in method_families.py.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tacit.methods import Method
from tacit.plugin import Catalogue, Offer, load_plugins

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / ".ci")]
import tables  # noqa: E402
from method_families import FAMILIES, NEEDS  # noqa: E402

FOLDER = "methods"
OTHERS = "Others"


def family(stage: Any) -> str:
    """The family of a method, by its last stage's objective."""
    module = stage.objective.__module__.rpartition(".")[2]
    for word in (f"{module}:{stage.objective.__name__}", module):
        for title, each in FAMILIES.items():
            if word in each.modules:
                return title
    return OTHERS


def page_of(method: str) -> str:
    """The path of a card, from the folder of the documentation."""
    return f"{FOLDER}/{method.replace('/', '-')}.md"


def grouped(catalogue: Catalogue) -> dict[str, list[Offer]]:
    """Methods by family, families in the order of this file."""
    groups: dict[str, list[Offer]] = {title: [] for title in [*FAMILIES, OTHERS]}
    for offer in catalogue.offers("methods"):
        groups[family(offer.load()().stages[-1])].append(offer)
    return {title: offers for title, offers in groups.items() if offers}


def index(catalogue: Catalogue) -> str:
    """The grid, with what is missing where a method does not run."""
    cells = {(cell.method, cell.modality): cell for cell in catalogue.grid()}
    words = catalogue.modalities
    parts = [
        "# Methods",
        "Which method runs on which modality, and [why not](#why-not). Generated from what the "
        "installed packages offer, as `tacit list` is; every *yes* is trained by a test.",
    ]
    for title, offers in grouped(catalogue).items():
        lines = [
            f"| method | {' | '.join(words)} | what it does |",
            "|---" * (len(words) + 2) + "|",
        ]
        for offer in offers:
            link = f"[{offer.name}]({page_of(offer.name).removeprefix(f'{FOLDER}/')})"
            row = ["yes" if cells[offer.name, word].fits else "no" for word in words]
            lines.append(f"| {link} | {' | '.join(row)} | {offer.summary} |")
        when = FAMILIES[title].when if title in FAMILIES else "Of no family of the core's."
        parts += [f"## {title}", when, "\n".join(lines)]
    return "\n\n".join([*parts, *reasons(catalogue)]) + "\n"


def reasons(catalogue: Catalogue) -> Iterable[str]:
    """What is missing in the cells that do not fit, methods with the same lack on one line."""
    yield "## Why not"
    lacking: dict[tuple[str, str], list[str]] = {}
    for cell in catalogue.grid():
        if not cell.fits:
            lacking.setdefault((cell.modality, ", ".join(cell.lacks)), []).append(cell.method)
    rows = [f"| {m} | {why} | {', '.join(each)} |" for (m, why), each in sorted(lacking.items())]
    yield "\n".join(["| on | missing | methods |", "|---|---|---|", *rows])


def card(offer: Offer, catalogue: Catalogue) -> str:
    """The page of one method."""
    method: Method = offer.load()()
    title = family(method.stages[-1])
    about, source, differs = docstring(method.stages[-1].objective)
    when = FAMILIES[title].when if title in FAMILIES else "See its package."
    parts = [
        f"# {offer.name}",
        f"{offer.summary}. {offer.source or method.source}.",
        f"From {offer.owner}; [{title.lower()}](index.md#{title.lower().replace(' ', '-')}).",
        "## What it computes",
        about,
        "## When to use it",
        when,
        "## What it needs",
        "\n".join(f"- {each}" for each in needs(offer)),
        f"Runs on {runs_on(offer, catalogue)}.",
        "```bash",
        f"tacit pretrain {offer.name} --data {example(offer, catalogue)}",
        "```",
        "## What it costs",
        *map(cost, method.stages),
        *filter(None, [relative(offer.name)]),
        "## Source, and where we differ",
        *filter(None, [source, differs, factory(offer)]),
        "## Defaults",
        *map(defaults, method.stages),
        "## Measured",
        *(list(measured(offer.name)) or ["Not measured by us yet."]),
    ]
    return "\n\n".join(parts).replace("```bash\n\n", "```bash\n").replace("\n\n```\n", "\n```\n")


def docstring(objective: type) -> tuple[str, str, str]:
    """What an objective says of itself: what it is, its sources, where it differs from them."""
    text = tidy(inspect.getdoc(objective) or "")
    about, _, rest = text.partition("Source:")
    source, differs = [*re.split(r"\bDiffers?\b:?", rest, maxsplit=1), ""][:2]
    about = re.sub(r"\n(Args|Raises|Shapes):\n(?: +.*\n?|\n)*", "\n", about + "\n")
    return about.strip(), one_line(source), differs and f"Differs: {one_line(differs)}"


def factory(offer: Offer) -> str:
    """What the function that composes the method says of its settings, beside the paper's."""
    return one_line(tidy(inspect.getdoc(offer.load()) or ""))


def tidy(text: str) -> str:
    """Cross references as plain code."""
    return re.sub(r":\w+:`~?([^`]*)`", r"`\1`", text)


def one_line(text: str) -> str:
    """A paragraph without the breaks and the indent it had in the code."""
    return " ".join(text.split())


def needs(offer: Offer) -> Iterable[str]:
    """What a method requires, in words."""
    for word in offer.requires:
        kind, _, what = word.partition(":")
        if kind == "views":
            yield f"views of the policy `{what}`"
        elif kind == "mask":
            yield f"an encoder that can hide tokens by the mode `{what}`"
        else:
            yield NEEDS.get(word, f"`{word}`")


def cost(stage: Any) -> str:
    """What a step of a stage does, as far as the objective says."""
    wants = stage.objective(stage.config).requires
    views = f"{wants.views} view{'s' * (wants.views > 1)} or more"
    if wants.most_views == wants.views:
        views = views.removesuffix(" or more")
    teachers = f", and a teacher ({', '.join(stage.teachers)}) runs too" if stage.teachers else ""
    least = f"; at least {wants.batch} instances a batch" if wants.batch > 1 else ""
    return f"A step of stage `{stage.name}` takes {views} of an instance{teachers}{least}."


def relative(method: str) -> str:
    """Its measured time beside that of supervised training of the same encoder and length."""
    for name in ("methods", "methods_hidden", "methods_generative"):
        rows = results().get(name, {}).get("results", [])
        spent = {(row["features"], row["encoder"]): row.get(TIME) for row in rows}
        for (features, encoder), seconds in spent.items():
            labelled = spent.get(("supervised", encoder))
            if features == method and seconds and labelled:
                ratio = seconds / labelled
                return f"Measured: {ratio:.2g} times the time of supervised training, whole runs."
    return ""


def runs_on(offer: Offer, catalogue: Catalogue) -> str:
    """The modalities it runs on, of those that are installed."""
    fits = [cell.modality for cell in catalogue.row(offer) if cell.fits]
    if "pairs" in offer.requires:
        return "pairs of any modalities"
    return ", ".join(fits) or "none of the installed modalities"


def example(offer: Offer, catalogue: Catalogue) -> str:
    """Data for a try that need no network."""
    if "pairs" in offer.requires:
        return "products.parquet:image=photo,text=title"
    for cell in catalogue.row(offer):
        if cell.fits:
            return embedded(catalogue, cell.modality)
    return "DATA"


def embedded(catalogue: Catalogue, modality: str) -> str:
    """The first source of a modality that opens with no settings."""
    for source in catalogue.offers("sources", modality):
        config = source.load().Config
        needed = [f for f in fields(config) if f.default is f.default_factory is MISSING]
        if source.modality and not needed:
            return source.name
    return "DATA"


def defaults(stage: Any) -> str:
    """The settings of a stage, as a table."""
    rows = [f"| `{name}` | `{value}` |" for name, value in leaves(stage.config, "objective")]
    rows += [f"| `{name}` | `{value}` |" for name, value in leaves(stage.training, "")]
    rows += [f"| teacher `{name}` | `{policy}` |" for name, policy in stage.teachers.items()]
    head = f"Stage `{stage.name}`, views `{stage.views}`:"
    return "\n".join([head, "", "| setting | default |", "|---|---|", *rows])


def leaves(value: Any, path: str) -> Iterable[tuple[str, object]]:
    """Settings by their dotted names, as a run file spells them."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if not isinstance(value, Mapping):
        yield path, str(value).replace("|", "\\|")
        return
    for key, part in value.items():
        yield from leaves(part, f"{path}.{key}" if path else key)


@cache
def results() -> dict[str, dict[str, Any]]:
    """The result files that hold records."""
    files = {path.stem: json.loads(path.read_text()) for path in RESULTS.glob("*.json")}
    return {name: content for name, content in sorted(files.items()) if "results" in content}


RESULTS = ROOT / "benchmarks" / "results"
WHO = ("method", "features")
TIME = "CPU seconds a run"
WHERE = ("set", "pairs", "data")


def measured(method: str) -> Iterable[str]:
    """The rows of our results that are of this method, beside the baselines of the same data."""
    for name, content in results().items():
        rows = content["results"]
        own = [row for row in rows if is_of(row, method, name)]
        if not own:
            continue
        places = {place(row) for row in own}
        beside = [row for row in rows if place(row) in places and baseline(row)]
        texts = [str(content[key]) for key in ("about", "what") if key in content]
        yield f"**{tables.TITLES.get(name, name.capitalize())}**. " + ". ".join(texts)
        yield tables.table([tables.flat(row) for row in [*own, *beside]])
        yield tables.machine(content.get("machine", {}))


def is_of(row: Mapping[str, Any], method: str, file: str) -> bool:
    """Whether a record is of a method; a plugin's files leave its name out."""
    short = method.partition("/")[2] if method.startswith(f"{file}/") else method
    return any(row.get(key) in (method, short) for key in WHO)


def place(row: Mapping[str, Any]) -> tuple[object, ...]:
    """What a record was measured on."""
    return tuple(row.get(key) for key in WHERE)


@cache
def words_of_methods() -> frozenset[str]:
    """What methods are called in results."""
    offers = load_plugins().offers("methods")
    return frozenset({o.name for o in offers} | {o.word for o in offers})


def baseline(row: Mapping[str, Any]) -> bool:
    """Whether a record is of no method."""
    named = [row[key] for key in WHO if key in row]
    return bool(named) and not words_of_methods() & set(named)


def pages(catalogue: Catalogue) -> dict[str, str]:
    """All pages: path from the documentation's folder to content."""
    cards = {page_of(o.name): card(o, catalogue) for o in catalogue.offers("methods")}
    return {f"{FOLDER}/index.md": index(catalogue), **cards}


def contents(catalogue: Catalogue) -> list[dict[str, object]]:
    """What the cards add to the contents."""
    groups: Sequence[dict[str, object]] = [
        {title: [{offer.name: page_of(offer.name)} for offer in offers]}
        for title, offers in grouped(catalogue).items()
    ]
    return [{"Which runs on what": f"{FOLDER}/index.md"}, *groups]


# -- what mkdocs calls ---------------------------------------------------------------------------


def on_config(config: Any) -> Any:
    """Put the cards into the contents, before the results."""
    names = [next(iter(entry)) for entry in config["nav"]]
    config["nav"].insert(names.index("Results"), {"Methods": contents(load_plugins())})
    return config


def on_files(files: Any, *, config: Any) -> Any:
    """Add the pages."""
    from mkdocs.structure.files import File

    for path, content in pages(load_plugins()).items():
        files.append(File.generated(config, path, content=content))
    return files
