"""The command line lists without importing, dispatches, and fails in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tacit import offers
from tacit.cli import main

if TYPE_CHECKING:
    from tests.core.plugin.conftest import Toys

COMMAND = """
    @hookimpl
    def tacit_commands():
        return [Offer(name="{name}", target="{target}", summary="Count the arguments")]
    def count(argv):
        print("got", *argv)
        return len(argv)
    def fail(argv):
        raise ValueError("wanted less,\\ngot more")
"""


def command(toys: Toys, plugin: str, word: str, function: str = "count") -> None:
    body = COMMAND.format(name=f"{plugin}/{word}", target=f"toy_{plugin}_module:{function}")
    toys.add(plugin, body)


@pytest.fixture
def mixed(toys: Toys) -> Toys:
    """Two healthy plugins and three that are broken in different ways."""
    toys.healthy("ant")
    toys.healthy("bee")
    toys.add("broken-import", "import no_such_thing")
    toys.add("broken-hook", "@hookimpl\ndef tacit_encodrs():\n    return []")
    toys.add("broken-core", "", requires=["tacit>=99"])
    return toys


def test_list_shows_the_healthy_first_and_the_broken_with_reasons_last(mixed: Toys) -> None:
    answer = mixed.tacit("list")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    healthy, broken = answer.stdout.split("broken plugins")
    for told in ("ant/tiny", "bee/tiny", "simclr"):
        assert told in healthy
    for told in ("No module named 'no_such_thing'", "tacit_encoders", "needs tacit>=99"):
        assert told in broken
    assert broken.count("try: ") == 3


def test_list_as_json_says_the_same(mixed: Toys) -> None:
    answer = json.loads(mixed.tacit("list", "--json").stdout)
    assert {"modalities", "encoders", "methods", "broken"} <= set(answer)
    tiny = next(offer for offer in answer["encoders"] if offer["name"] == "ant/tiny")
    assert tiny["owner"] == {"plugin": "ant", "distribution": "toy-ant", "version": "1.0"}
    assert tiny["summary"] == "A tiny one"
    broken = {plugin["plugin"] for plugin in answer["broken"]}
    assert broken == {"broken-import", "broken-hook", "broken-core"}


def test_list_of_one_kind_shows_that_kind(mixed: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "encoders"]) == 0
    out = capsys.readouterr().out
    assert "ant/tiny" in out
    assert "simclr" not in out


def test_the_grid_says_yes_and_no_and_why(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    body = """
        only = frozenset({"smell"})
        @hookimpl
        def tacit_modalities():
            return [Offer(name="nose/smell", target="m:x", summary="S", modality=only)]
        @hookimpl
        def tacit_encoders():
            return [Offer(name="nose/e", target="m:x", summary="E", modality=only)]
        @hookimpl
        def tacit_augmentations():
            views = ("views:two-views", "views:masked")
            return [Offer(name="nose/a", target="m:x", summary="A", modality=only, provides=views)]
    """
    toys.add("nose", body)
    assert main(["list"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    header = next(line for line in lines if line[:1] == ["method"])
    column = header.index("smell")
    grid = {line[0]: line[column] for line in lines if len(line) == len(header)}
    assert grid["simclr"] == "yes"
    assert grid["mae"] == "no"
    assert "mae on smell: no encoder with tokens:dense and targets and mask:drop" in map(
        " ".join, lines
    )


def test_help_lists_every_verb_and_imports_none(toys: Toys) -> None:
    command(toys, "acme", "count")
    code = """
        import sys
        from tacit.cli import main
        assert main(["--help"]) == 0
        bodies = {name for name in sys.modules if name.startswith("tacit.cli.")}
        assert bodies <= {"tacit.cli._main"}, bodies
        assert "torch" not in sys.modules
    """
    answer = toys.python(code)
    assert answer.returncode == 0, answer.stderr
    for offer in offers.tacit_commands():
        assert f"  {offer.name} " in answer.stdout
    assert "  count        Count the arguments (toy-acme 1.0)" in answer.stdout


def test_help_of_a_verb_imports_only_its_body(toys: Toys) -> None:
    code = """
        import sys
        from tacit.cli import main
        try:
            main(["list", "--help"])
        except SystemExit as end:
            assert end.code == 0
        bodies = {name for name in sys.modules if name.startswith("tacit.cli.")}
        assert "tacit.cli.listing" in bodies
        assert not bodies & {"tacit.cli.doctor", "tacit.cli.pretrain"}, bodies
    """
    answer = toys.python(code)
    assert answer.returncode == 0, answer.stderr
    assert "Nothing that is listed is imported" in answer.stdout


def test_a_command_of_a_plugin_gets_the_arguments_and_gives_the_status(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    command(toys, "acme", "count")
    assert main(["count", "a", "--b", "c"]) == 3
    assert capsys.readouterr().out == "got a --b c\n"


def test_a_verb_that_two_offer_needs_its_full_name(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    command(toys, "ant", "count")
    command(toys, "bee", "count")
    assert main(["count"]) == 2
    assert "ant/count (toy-ant 1.0), bee/count (toy-bee 1.0)" in capsys.readouterr().err
    assert main(["bee/count", "x"]) == 1
    assert main(["--help"]) == 0
    assert "bee/count" in capsys.readouterr().out


def test_a_plugin_cannot_take_over_a_verb_of_the_core(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    command(toys, "acme", "list", "fail")
    assert main(["list", "commands"]) == 0
    assert "acme/list" in capsys.readouterr().out
    assert main(["acme/list"]) == 2


def test_an_error_of_use_is_one_line_and_status_2(toys: Toys) -> None:
    command(toys, "acme", "count", "fail")
    answer = toys.tacit("count")
    assert answer.returncode == 2
    assert answer.stderr == "tacit: error: wanted less, got more\n"
    assert "Traceback" in toys.tacit("count", TACIT_TRACEBACK="1").stderr


def test_a_command_that_does_not_import_is_an_error_of_use(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    command(toys, "acme", "count", "no_such_function")
    assert main(["count"]) == 2
    assert "acme/count of toy-acme 1.0: toy_acme_module:no_such" in capsys.readouterr().err


def test_an_unknown_verb_is_answered_with_a_close_one(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lisst"]) == 2
    assert "did you mean 'list'" in capsys.readouterr().err


def test_no_verb_is_answered_with_help(capsys: pytest.CaptureFixture[str], toys: Toys) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("usage: tacit VERB")


def test_strict_mode_and_lists_reach_the_command_line(mixed: Toys) -> None:
    answer = mixed.tacit("list", TACIT_STRICT="1")
    assert answer.returncode == 2
    assert answer.stderr.startswith("tacit: error: plugin 'broken-core'")
    names = mixed.tacit("list", "encoders", TACIT_PLUGINS="bee").stdout
    assert "bee/tiny" in names
    assert "ant/tiny" not in names


def test_doctor_names_what_is_broken_and_what_mends_it(mixed: Toys) -> None:
    answer = mixed.tacit("doctor", TACIT_BLOCK="bee")
    assert answer.returncode == 1, answer.stderr
    out = answer.stdout
    assert "No module named 'no_such_thing'" in out
    assert "try:   pip install --upgrade tacit toy-broken-core" in out
    assert "toy-bee 1.0, off: left out by TACIT_BLOCK" in out
    for told in ("python", "torch", "device", "folder"):
        assert f"\n  {told} " in out


def test_doctor_survives_a_torch_that_does_not_import(toys: Toys) -> None:
    (toys.root / "torch.py").write_text("raise OSError('libcudart is missing')")
    answer = toys.tacit("doctor", "--json", TACIT_PLUGINS="")
    assert answer.returncode == 1, answer.stderr
    (device,) = [f for f in json.loads(answer.stdout)["environment"] if f["what"] == "device"]
    assert device["fault"] == "OSError: libcudart is missing"
    assert "torch" in device["remedy"]
