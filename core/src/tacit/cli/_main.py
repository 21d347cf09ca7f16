"""From the command line to a verb; everything heavy is behind the verb."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import cast

from tacit import offers as core
from tacit.plugin import Catalogue, LifecycleError, Offer, OfferImportError, load_plugins

_USAGE = """usage: tacit VERB [arguments]        tacit VERB --help tells what a verb takes

Pretrain encoders without labels, on any kind of data.
"""
_FOOT = """
Errors are one line and exit status 2; TACIT_TRACEBACK=1 shows where they came from."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: what follows ``tacit`` on the command line; None takes it from ``sys.argv``.

    Returns:
        The exit status: 0 if all is well, 2 for an error of use, a plugin's or a loss
        that is not finite, 130 when interrupted, otherwise what the verb says.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output (head, less) has enough. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("tacit: interrupted", file=sys.stderr)
        return 130
    except (ValueError, FloatingPointError, OfferImportError, LifecycleError) as error:
        if os.environ.get("TACIT_TRACEBACK") == "1":
            raise
        print("tacit: error:", *str(error).split("\n"), file=sys.stderr)
        for note in getattr(error, "__notes__", ()):
            print("tacit: besides:", note, file=sys.stderr)
        return 2
    return status


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help(load_plugins()))
        return 0
    if arguments[0] == "--version":
        from importlib import metadata

        print("tacit", metadata.version("tacit"))
        return 0
    run = cast(Callable[[list[str]], int], _command(arguments[0]).load())
    return run(arguments[1:])


def _command(verb: str) -> Offer:
    for offer in core.tacit_commands():  # No need to look for plugins, nor to be broken by one.
        if offer.name == verb:
            return offer
    return load_plugins().find("commands", verb)


def _help(catalogue: Catalogue) -> str:
    commands = catalogue.offers("commands")
    words = [offer.word for offer in commands]
    lines = []
    for offer in commands:
        # A verb that several offer is called by its full name; the core's names are full.
        verb = offer.word if words.count(offer.word) == 1 else offer.name
        by = "" if verb == offer.name and "/" not in verb else f" ({offer.owner})"
        lines.append(f"  {verb:<12} {offer.summary}{by}")
    if catalogue.broken:
        names = ", ".join(sorted({plugin.name for plugin in catalogue.broken}))
        lines.append(f"\nBroken plugins: {names}; tacit doctor tells why.")
    return "\n".join([_USAGE, "verbs:", *lines, _FOOT])
