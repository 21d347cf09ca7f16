"""Open every page of the built documentation in a browser without a window.

Usage: python .ci/browse.py SITE [--shots FOLDER] [--browser PATH]      (make browse)

A page passes if it answers, shows its heading, leads nowhere that is not there, asks for nothing
that fails, and writes no error to the console; the search must find what it is asked for. Needs
`pip install playwright` and a Chromium: one named, one on the path, or playwright's own.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

NAMES = ("chromium", "chromium-headless-shell", "google-chrome", "chrome")
SEARCHES = {"GraphMAE": "graph-graphmae", "resume": "resume", "EncoderSpec": "contract"}
ABORTED = "net::ERR_ABORTED"
SHOTS = (
    "index.html",
    "methods/index.html",
    "methods/simclr.html",
    "results.html",
    "tutorials/tables.html",
)
SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and keeps silent about it."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address under which a folder is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def look(page: Any, address: str, path: str) -> tuple[list[str], set[str], set[str]]:
    """Faults of one page, the addresses it leads to, and the anchors it has."""
    faults: list[str] = []
    listeners = {
        "console": lambda each: each.type in ("error", "warning") and faults.append(each.text),
        "pageerror": lambda error: faults.append(f"script: {error}"),
        # What the page before had not finished when it was left is aborted, and no fault.
        "requestfailed": lambda r: r.failure != ABORTED and faults.append(f"failed: {r.url}"),
        "response": lambda r: r.status >= 400 and faults.append(f"{r.status}: {r.url}"),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.goto(address + path, wait_until="load")
    if not page.locator("h1").first.is_visible():
        faults.append("no heading to be seen")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wide > 1:
        faults.append(f"wider than the window by {wide} pixels")
    links = set(page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)"))
    anchors = set(page.eval_on_selector_all("[id]", "all => all.map(a => a.id)"))
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    return faults, links, anchors


def broken(links: dict[str, set[str]], anchors: dict[str, set[str]], address: str) -> Iterator[str]:
    """Links within the site to pages or anchors that are not there."""
    for path, targets in links.items():
        for target in sorted(targets):
            if not target.startswith(address):
                continue
            page, anchor = urldefrag(target)
            to = unquote(urlsplit(page).path).lstrip("/") or "index.html"
            if to.endswith(".html") and to not in anchors:
                yield f"{path}: no page {to}"
            elif anchor and to in anchors and unquote(anchor) not in anchors[to]:
                yield f"{path}: no anchor {to}#{anchor}"


def search(page: Any, address: str) -> Iterator[str]:
    """Words that the search does not find where they stand."""
    for words, where in SEARCHES.items():
        page.goto(address, wait_until="load")
        page.locator(".md-search__input").fill(words)
        hits = page.locator(".md-search-result__link")
        try:
            hits.first.wait_for(state="attached", timeout=20_000)
        except Exception:
            yield f"search: nothing for {words!r}"
            continue
        found = hits.evaluate_all("all => all.map(a => a.href)")
        if not any(where in each for each in found):
            yield f"search: {words!r} leads to {found[:3]}, not to {where}"


def shoot(browser: Any, address: str, folder: Path) -> None:
    """Pictures of some pages, in both widths and colours."""
    folder.mkdir(parents=True, exist_ok=True)
    for size, viewport in SIZES.items():
        scheme = "light" if size == "wide" else "dark"
        page = browser.new_page(viewport=viewport, color_scheme=scheme)
        for path in SHOTS:
            page.goto(address + path, wait_until="load")
            name = f"{path.removesuffix('.html').replace('/', '-')}-{size}.png"
            page.screenshot(path=str(folder / name))
        page.close()


def browse(site: Path, browser: Any, shots: Path | None) -> tuple[int, list[str]]:
    """How many pages were seen, and all their faults."""
    faults: list[str] = []
    links: dict[str, set[str]] = {}
    anchors: dict[str, set[str]] = {}
    with served(site) as address:
        for size in SIZES.values():
            page = browser.new_page(viewport=size)
            for file in sorted(site.rglob("*.html")):
                path = file.relative_to(site).as_posix()
                if path == "404.html":
                    continue
                own, links[path], anchors[path] = look(page, address, path)
                faults += [f"{path} ({size['width']}): {fault}" for fault in own]
            page.close()
        faults += broken(links, anchors, address)
        page = browser.new_page()
        faults += search(page, address)
        if shots is not None:
            shoot(browser, address, shots)
    return len(links), faults


def main() -> int:
    """Look at a site."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("--shots", type=Path, help="leave pictures of some pages here")
    parser.add_argument("--browser", default=next(filter(None, map(shutil.which, NAMES)), None))
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        options = {"executable_path": arguments.browser, "args": ["--no-sandbox"]}
        browser = play.chromium.launch(**options)
        seen, faults = browse(arguments.site, browser, arguments.shots)
        browser.close()
    print(*faults, sep="\n")
    print(f"{seen} pages seen, {len(faults)} faults")
    return int(bool(faults) or not seen)


if __name__ == "__main__":
    sys.exit(main())
