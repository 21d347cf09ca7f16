"""Whatever a plugin does while a run trains, its fault is named, and no work is lost by it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.core.plugin.conftest import Toys

import tacit
from tacit.api import Run
from tacit.api.choice import named_data
from tacit.cli import main
from tacit.plugin import LifecycleError, PluginError

HOOKS = {
    "tacit_run_started": "run",
    "tacit_metrics": "run, step, values",
    "tacit_checkpoint": "run, step, path",
    "tacit_run_ended": "run, error",
}
SHORT: dict[str, object] = {
    "steps": 4,
    "batch": 16,
    "log_every": 1,
    "checkpoint_every": 2,
    "watch_every": 0,
    "workers": 0,
}
HEARS_THE_END = """
heard = []
@hookimpl
def tacit_run_ended(run, error):
    heard.append(type(error).__name__)
"""


def deed(hook: str, does: str) -> str:
    return f"@hookimpl\ndef {hook}({HOOKS[hook]}):\n    {does}\n"


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    yield Toys(site)
    for name in [name for name in sys.modules if name.endswith("_module")]:
        del sys.modules[name]


def pretrain(out: Path, *active: str) -> Run:
    settings = {"training": SHORT, "plugins": {"active": list(active)}}
    return tacit.pretrain(
        "simclr", data="tabular/wine", encoder="tabular/mlp", out=out, settings=settings
    )


def same_weights(one: Run, other: Run) -> bool:
    a, b = one.encoder.state_dict(), other.encoder.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("does", ["raise RuntimeError('on purpose')", "raise SystemExit(7)"])
@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_fails_ends_the_run_by_name_and_the_run_goes_on_without_it(
    toys: Toys, tmp_path: Path, hook: str, does: str
) -> None:
    toys.add("bad", deed(hook, does))
    toys.add("ear", HEARS_THE_END)
    with pytest.raises(LifecycleError, match=rf"{hook} of plugin 'bad' \(toy-bad 1\.0\) failed"):
        pretrain(tmp_path / "run", "bad", "ear")
    heard = sys.modules["toy_ear_module"].heard
    assert heard == (["NoneType"] if hook == "tacit_run_ended" else ["LifecycleError"])
    assert same_weights(pretrain(tmp_path / "run", "ear"), pretrain(tmp_path / "whole"))


def test_what_a_run_has_learned_is_kept_before_plugins_hear_of_its_end(
    toys: Toys, tmp_path: Path
) -> None:
    toys.add("bad", deed("tacit_run_ended", "assert (run.directory / 'encoders').is_dir(); 1 / 0"))
    with pytest.raises(LifecycleError, match="ZeroDivisionError"):
        pretrain(tmp_path / "run", "bad")
    assert tacit.load(tmp_path / "run").finished


def test_hooks_that_print_change_nothing(toys: Toys, tmp_path: Path) -> None:
    toys.add("bad", "".join(deed(hook, "print('{not json')") for hook in HOOKS))
    run, whole = pretrain(tmp_path / "run", "bad"), pretrain(tmp_path / "whole")
    assert same_weights(run, whole)


def test_a_hook_that_keeps_a_run_waiting_is_named(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.add("bad", "import time\n" + deed("tacit_checkpoint", "time.sleep(3.0)"))
    monkeypatch.setenv("TACIT_PATIENCE", "2")
    assert pretrain(tmp_path / "run", "bad").finished
    told = "still waiting for tacit_checkpoint of plugin 'bad' (toy-bad 1.0), after 2 s"
    assert told in capsys.readouterr().err


def test_a_hook_that_fails_at_the_end_does_not_hide_why_it_came(
    toys: Toys, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = deed("tacit_metrics", "raise RuntimeError('first')")
    toys.add("bad", both + deed("tacit_run_ended", "raise RuntimeError('second')"))
    words = [f"{key}={str(value).lower()}" for key, value in SHORT.items()]
    where = ["--data", "tabular/wine", "--encoder", "tabular/mlp", "--out", str(tmp_path / "run")]
    active = 'plugins.active=["bad"]'
    assert main(["pretrain", "simclr", *where, "--no-evaluate", *words, active]) == 2
    first, second = capsys.readouterr().err.strip().splitlines()[-2:]
    assert "error: tacit_metrics of plugin 'bad'" in first
    assert "RuntimeError: first" in first
    assert "besides: tacit_run_ended of plugin 'bad'" in second


def test_an_installed_plugin_that_no_run_names_is_never_called(toys: Toys, tmp_path: Path) -> None:
    toys.add("bad", "".join(deed(hook, "raise RuntimeError") for hook in HOOKS))
    assert pretrain(tmp_path / "run").finished


def test_a_plugin_for_another_core_is_refused_before_a_run_begins(
    toys: Toys, tmp_path: Path
) -> None:
    toys.add("old", deed("tacit_run_started", "pass"), requires=["tacit>=99"])
    with pytest.raises(PluginError, match="needs tacit>=99"):
        pretrain(tmp_path / "run", "old")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "body",
    [
        "raise RuntimeError('on purpose')",
        "raise SystemExit(7)",
        """
from tacit.data import Source
class Reader(Source):
    @classmethod
    def recognises(cls, given):
        raise RuntimeError("on purpose")
""",
    ],
    ids=["raises", "leaves", "raises when asked"],
)
def test_a_source_that_fails_does_not_keep_others_from_recognising_data(
    toys: Toys, tmp_path: Path, body: str
) -> None:
    offer = 'Offer(name="bad/reader", target="toy_worse_module:Reader", summary="X")'
    toys.add("bad", f"@hookimpl\ndef tacit_sources():\n    return [{offer}]\n")
    (toys.root / "toy_worse_module.py").write_text(body)
    data = tmp_path / "texts.txt"
    data.write_text("a text\nanother one\n")
    with pytest.warns(RuntimeWarning, match=r"left out: bad/reader.*(on purpose|SystemExit)"):
        assert named_data(str(data)) == {"name": "text/files", "path": str(data)}
