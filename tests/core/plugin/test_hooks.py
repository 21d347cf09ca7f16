"""The hooks are documented to the last argument, and type checkers hold plugins to them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from tacit.plugin import KINDS, Hooks

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "hooks.md"
HOOKS = {name: function for name, function in vars(Hooks).items() if name.startswith("tacit_")}


def signature(name: str) -> str:
    """As the page writes it: without self."""
    whole = inspect.signature(HOOKS[name])
    arguments = [p for p in whole.parameters.values() if p.name != "self"]
    return f"{name}{whole.replace(parameters=arguments)}".replace("'", "")


def paragraph(text: str) -> str:
    return " ".join(text.replace("`", "").split())


def documented_arguments(name: str) -> dict[str, str]:
    """The Args section of a hook's docstring."""
    doc = inspect.getdoc(HOOKS[name]) or ""
    return dict(re.findall(r"^ {4}(\w+): (.+)$", doc, flags=re.MULTILINE))


def test_every_kind_of_offer_has_its_hook() -> None:
    assert [f"tacit_{kind}" for kind in KINDS] == [n for n in HOOKS if n[6:] in KINDS]
    assert set(HOOKS) - {f"tacit_{kind}" for kind in KINDS} == {
        "tacit_run_started",
        "tacit_metrics",
        "tacit_checkpoint",
        "tacit_run_ended",
    }


@pytest.mark.parametrize("name", HOOKS)
def test_every_argument_of_a_hook_is_documented_and_annotated(name: str) -> None:
    parameters = inspect.signature(HOOKS[name]).parameters
    arguments = [argument for argument in parameters if argument != "self"]
    assert list(documented_arguments(name)) == arguments
    assert set(HOOKS[name].__annotations__) == {*arguments, "return"}


@pytest.mark.parametrize("name", HOOKS)
def test_the_page_says_of_a_hook_what_the_code_says(name: str) -> None:
    page = PAGE.read_text()
    assert f"### `{signature(name)}`" in page
    section = page.split(f"### `{signature(name)}`")[1].split("\n#")[0]
    first_line = (inspect.getdoc(HOOKS[name]) or "").split("\n")[0]
    assert paragraph(first_line) in paragraph(section)
    listed = dict(re.findall(r"^- `(\w+)`: (.+)$", section, flags=re.MULTILINE))
    assert listed == documented_arguments(name)


def test_the_page_describes_no_hook_that_does_not_exist() -> None:
    assert set(re.findall(r"\btacit_\w+", PAGE.read_text())) <= set(HOOKS)


TYPED = """
from collections.abc import Mapping
from tacit.plugin import Hooks, Offer, Run, hookimpl

class Acme(Hooks):
    @hookimpl
    def tacit_encoders(self) -> {returns}:
        return []

    @hookimpl
    def tacit_metrics(self, run: Run, step: int, {values}) -> None:
        print(run.directory, run.rank, values)

plugin: Hooks = Acme()
"""


@pytest.mark.parametrize(
    ("returns", "values", "told"),
    [
        ("list[Offer]", "values: Mapping[str, float]", ""),
        ("list[str]", "values: Mapping[str, float]", "tacit_encoders"),
        ("list[Offer]", "values: list[float]", "tacit_metrics"),
        ("list[Offer]", "loss: float, values: Mapping[str, float]", "tacit_metrics"),
    ],
)
def test_a_type_checker_holds_a_plugin_to_the_hooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, returns: str, values: str, told: str
) -> None:
    mypy = pytest.importorskip("mypy.api")
    module = tmp_path / "acme.py"
    module.write_text(TYPED.format(returns=returns, values=values))
    monkeypatch.chdir(ROOT)  # its settings are strict, and what `make lint` found is kept there
    report, _, status = mypy.run([str(module)])
    assert (status == 0) == (not told), report
    assert told in report
