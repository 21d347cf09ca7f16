"""What goes is marked first: it works on, says when it goes and what to use, and goes in time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pluggy
import pytest
from tests.core.plugin.conftest import Toys

from tacit.config import ConfigError, read
from tacit.deprecation import Going, TacitDeprecationWarning, deprecated, was
from tacit.plugin import load_plugins
from tacit.plugin._hooks import PROJECT

TOLD = "is deprecated since tacit 0.2 and goes in 0.4; use "


@dataclass(frozen=True, kw_only=True)
class Settings:
    temperature: float = field(default=0.1, metadata=was("tau", since="0.2"))


def test_a_function_works_on_and_warns() -> None:
    @deprecated(since="0.2", instead="twice")
    def double(number: int) -> int:
        """Two of it."""
        return 2 * number

    with pytest.warns(TacitDeprecationWarning, match=f"double {TOLD}twice"):
        assert double(3) == 6
    assert double.__doc__ == "Two of it."


def test_the_warning_is_about_the_line_that_calls(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text(
        "from tacit.deprecation import deprecated\n"
        "@deprecated(since='0.2', instead='twice')\n"
        "def double(number): return 2 * number\n"
    )
    code = "from old import double\n\ndouble(3)"  # apart, as checks of annotations add a frame
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert said.stderr.startswith("<string>:3: TacitDeprecationWarning: double is deprecated")


def test_a_class_works_on_and_so_do_those_that_inherit_it() -> None:
    @deprecated(since="0.2", instead="New")
    class Old:
        def __init__(self, number: int) -> None:
            self.number = number

    class Own(Old):
        pass

    for make in (Old, Own):
        with pytest.warns(TacitDeprecationWarning, match=f"Old {TOLD}New"):
            assert make(3).number == 3
    assert isinstance(Old, type)


def test_a_setting_is_read_under_its_former_name() -> None:
    with pytest.warns(TacitDeprecationWarning, match=f"the setting tau {TOLD}temperature"):
        assert read(Settings, {"tau": 0.5}) == Settings(temperature=0.5)
    assert read(Settings, {"temperature": 0.5}) == Settings(temperature=0.5)


def test_a_setting_under_both_names_is_refused() -> None:
    with pytest.raises(ConfigError, match="tau is what temperature was called: give one of them"):
        read(Settings, {"tau": 0.5, "temperature": 0.5})


def test_a_hook_that_goes_warns_whoever_implements_it() -> None:
    mark, going = pluggy.HookspecMarker(PROJECT), Going(since="0.2", instead="tacit_sources")

    class Specs:
        @mark(warn_on_impl=going.warning("tacit_data"))
        def tacit_data(self) -> None: ...

    class Plugin:
        @pluggy.HookimplMarker(PROJECT)
        def tacit_data(self) -> str:
            return "still asked"

    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Specs)
    with pytest.warns(TacitDeprecationWarning, match=f"tacit_data {TOLD}tacit_sources"):
        manager.register(Plugin())
    assert manager.hook.tacit_data() == ["still asked"]


def test_an_offer_is_found_by_its_former_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    Toys(tmp_path).add(
        "acme",
        """
        @hookimpl
        def tacit_encoders():
            offer = Offer(name="acme/new", target="m:x", summary="X", formerly=("acme/old",))
            return [offer]
        """,
    )
    catalogue = load_plugins()
    with pytest.warns(TacitDeprecationWarning, match="acme/old is now called acme/new"):
        assert catalogue.find("encoders", "acme/old").name == "acme/new"
    assert catalogue.find("encoders", "acme/new").name == "acme/new"


@pytest.mark.parametrize("since", ["0.2.1", "2", "soon", ""])
def test_a_mark_names_the_minor_version_it_began_with(since: str) -> None:
    with pytest.raises(ValueError, match=r"since: wanted a minor version such as 0\.2"):
        Going(since=since, instead="x")


def test_what_goes_stays_for_two_minor_versions() -> None:
    assert Going(since="0.9", instead="x").goes == "0.11"
