"""Whatever a plugin does at whatever stage, all others are there as if it were not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tacit.plugin import OfferImportError, load_plugins
from tacit.plugin._patience import ask

if TYPE_CHECKING:
    from tests.core.plugin.conftest import Toys

DEEDS = {
    "hangs": "import time; time.sleep(3600)",
    "spins": "while True: pass",
    "raises": "raise RuntimeError('on purpose')",
    "leaves": "raise SystemExit(7)",
    "prints": "print('{not json')",
    "fills the stream": "import sys; sys.stdout.write('x' * 100_000)",
}
AT_IMPORT = "def do():\n    {deed}\ndo()\n"
HARMLESS = ("prints", "fills the stream")
FINE = """
@hookimpl
def tacit_encoders():
    return [Offer(name="bad/x", target="json:loads", summary="X")]
"""
TWO_OFFERS = """
@hookimpl
def tacit_encoders():
    return [Offer(name="bad/x", target="toy_worse_module:x", summary="X"),
            Offer(name="bad/fine", target="json:loads", summary="Fine")]
"""
IN_A_HOOK = """
@hookimpl
def tacit_encoders():
    {deed}
    return [Offer(name="bad/x", target="json:loads", summary="X")]
"""


@pytest.mark.parametrize("stage", ["import", "hook"])
@pytest.mark.parametrize("deed", DEEDS)
def test_the_others_are_listed_whatever_one_does(toys: Toys, deed: str, stage: str) -> None:
    for name in ("ant", "zebra"):  # one is loaded before it, one after
        toys.healthy(name)
    body = {"import": AT_IMPORT + FINE, "hook": IN_A_HOOK}[stage].format(deed=DEEDS[deed])
    toys.add("bad", body)
    answer = toys.tacit("list", "encoders", "--json", TACIT_PATIENCE="0.5")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    names = {offer["name"] for offer in told["encoders"]}
    assert {"ant/tiny", "zebra/tiny"} <= names
    broken = {plugin["plugin"]: plugin["reason"] for plugin in told["broken"]}
    assert ("bad/x" in names, "bad" in broken) == ((deed in HARMLESS), (deed not in HARMLESS))
    if deed in ("hangs", "spins"):
        assert "no answer in 0.5 s" in broken["bad"]


def test_thirty_plugins_of_every_kind_leave_the_healthy_ones_alone(toys: Toys) -> None:
    kinds = [deed for deed in DEEDS.values() if "sleep" not in deed and "while" not in deed]
    for number in range(30):
        if number % 3:
            toys.healthy(f"toy{number}")
        elif number % 2:
            toys.add(f"toy{number}", AT_IMPORT.format(deed=kinds[number % len(kinds)]))
        else:
            toys.add(f"toy{number}", "", requires=["tacit>=99"])
    catalogue = load_plugins()
    assert len([p for p in catalogue.plugins if p.name.startswith("toy")]) == 30
    offered = [o.name for o in catalogue.offers("encoders") if o.name.startswith("toy")]
    assert len(offered) == 20
    assert len(catalogue.broken) == 10


@pytest.mark.parametrize("deed", ["raises", "leaves"])
def test_what_fails_on_use_is_the_fault_of_its_offer_alone(toys: Toys, deed: str) -> None:
    toys.add("bad", TWO_OFFERS)
    (toys.root / "toy_worse_module.py").write_text(AT_IMPORT.format(deed=DEEDS[deed]))
    catalogue = load_plugins()
    assert catalogue.find("encoders", "bad/fine").load() is json.loads
    with pytest.raises(OfferImportError, match=r"bad/x of toy-bad 1\.0.*(on purpose|SystemExit)"):
        catalogue.find("encoders", "bad/x").load()


@pytest.mark.parametrize("deed", HARMLESS)
def test_what_prints_on_use_prints_among_the_errors(
    toys: Toys, deed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.add("bad", TWO_OFFERS)
    (toys.root / "toy_worse_module.py").write_text(AT_IMPORT.format(deed=DEEDS[deed]) + "x = 3")
    assert load_plugins().find("encoders", "bad/x").load() == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err


def test_what_keeps_us_waiting_on_use_is_named(
    toys: Toys, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.add("bad", TWO_OFFERS)
    (toys.root / "toy_worse_module.py").write_text("import time\ntime.sleep(2.0)\nx = 3")
    catalogue = load_plugins()
    monkeypatch.setenv("TACIT_PATIENCE", "0.2")
    assert catalogue.find("encoders", "bad/x").load() == 3
    assert "still waiting for toy_worse_module:x (bad/x), after 0.8 s" in capsys.readouterr().err


def test_an_answer_that_came_is_given_at_once_and_its_error_is_its_own() -> None:
    assert ask(lambda: 3, 60.0) == 3
    with pytest.raises(KeyError, match="mine"):
        ask(lambda: {}["mine"], 60.0)


@pytest.mark.parametrize("given", ["0", "-1", "soon", "nan"])
def test_patience_is_a_number_of_seconds(
    toys: Toys, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    toys.healthy("ant")
    monkeypatch.setenv("TACIT_PATIENCE", given)
    with pytest.raises(ValueError, match="TACIT_PATIENCE: wanted seconds, above 0"):
        load_plugins()


def test_a_hanging_plugin_does_not_keep_the_process(toys: Toys) -> None:
    toys.add("bad", "import time; time.sleep(3600)")
    code = "from tacit.plugin import load_plugins; load_plugins()"
    answer = toys.command([sys.executable, "-c", code], TACIT_PATIENCE="0.2")
    assert isinstance(answer, subprocess.CompletedProcess)
    assert answer.returncode == 0, answer.stderr
