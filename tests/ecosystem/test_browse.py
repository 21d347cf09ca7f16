"""What looks at the pages in a browser sees what is wrong with them; skipped without a browser."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ecosystem.house import ROOT

playwright = pytest.importorskip("playwright.sync_api")
FINE = "<!doctype html><link rel=icon href=data:,><h1 id=top>Here</h1>"


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("browse", ROOT / ".ci" / "browse.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def browser(script: Any) -> Iterator[Any]:
    path = next(filter(None, map(shutil.which, script.NAMES)), None)
    if path is None:
        pytest.skip("no browser")
    with playwright.sync_playwright() as play:
        yield play.chromium.launch(executable_path=path, args=["--no-sandbox"])


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", ""),
        ("<a href=#top>up</a><a href=https://example.org/x>out</a>", ""),
        ("<a href=gone.html>x</a>", "no page gone.html"),
        ("<a href=#gone>x</a>", "no anchor index.html#gone"),
        ("<img src=gone.png>", "404"),
        ("<script>console.error('sad')</script>", "sad"),
        ("<script>throw Error('worse')</script>", "worse"),
        ("<style>h1 {display: none}</style>", "no heading"),
        ("<div style='width: 3000px'>x</div>", "wider than the window"),
    ],
)
def test_a_fault_of_a_page_is_seen(
    script: Any, browser: Any, tmp_path: Path, body: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "SEARCHES", {})
    (tmp_path / "index.html").write_text(FINE + body)
    seen, faults = script.browse(tmp_path, browser, None)
    assert seen == 1
    assert any(told in fault for fault in faults) if told else not faults
