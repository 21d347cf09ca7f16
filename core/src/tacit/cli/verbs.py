"""The core's verbs as commands: functions of the arguments that import their body when called.

The body of a verb is a module with two functions::

    def add_arguments(parser: argparse.ArgumentParser) -> None: ...
    def run(args: argparse.Namespace) -> int: ...    # returns the exit status

and a docstring, which is what ``tacit VERB --help`` says of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """A verb and the module that has its body."""

    name: str
    module: str

    def __call__(self, argv: Sequence[str]) -> int:
        """Parse the arguments and run the body.

        Args:
            argv: what follows the verb on the command line.

        Returns:
            The exit status.
        """
        import argparse
        from importlib import import_module

        body = import_module(self.module)
        parser = argparse.ArgumentParser(
            prog=f"tacit {self.name}",
            description=body.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        body.add_arguments(parser)
        status: int = body.run(parser.parse_intermixed_args(argv))
        return status


list_ = Verb("list", "tacit.cli.listing")
doctor = Verb("doctor", "tacit.cli.doctor")
pretrain = Verb("pretrain", "tacit.cli.pretrain")
evaluate = Verb("evaluate", "tacit.cli.evaluate")
embed = Verb("embed", "tacit.cli.embed")
export = Verb("export", "tacit.cli.export")
check = Verb("check", "tacit.cli.check")
new = Verb("new", "tacit.cli.new")
