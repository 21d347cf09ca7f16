"""An offer: something a plugin has, declared first and imported on use."""

from __future__ import annotations

import copy
import importlib
import operator
import re
import sys
from collections.abc import Collection
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import dataclass
from typing import Any

from tacit.plugin._patience import named_while_slow

_WORD = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_PATH = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"

WORD_PATTERN = re.compile(_WORD)
_NAME_PATTERN = re.compile(rf"{_WORD}(?:/{_WORD})?")
_CAPABILITY_PATTERN = re.compile(rf"{_WORD}(?::{_WORD})?")
_TARGET_PATTERN = re.compile(rf"{_PATH}:{_PATH}")


class OfferImportError(ImportError):
    """The target of an offer cannot be imported; the message says what to install."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Who offers: the plugin and the distribution it came with."""

    plugin: str
    """The entry point's name; what runs, allow lists and block lists call the plugin."""
    distribution: str
    """The name pip knows."""
    version: str
    """The version of that distribution."""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One thing a plugin offers, as words: cheap to list, imported when somebody asks for it.

    Raises:
        ValueError: if a field is not what its description says.
    """

    name: str
    """``<entry point>/<word>``, such as ``acme/tiny``; only the core's own names are bare."""
    target: str
    """``module:attribute``, imported by :meth:`load`."""
    summary: str
    """One line for ``tacit list``."""
    modality: frozenset[str] = frozenset()
    """The modalities it is for; empty means any, since most objectives do not care."""
    requires: tuple[str, ...] = ()
    """Capability words a composition must supply: ``views:two-views``, ``tokens``, ``teacher``."""
    provides: tuple[str, ...] = ()
    """Capability words it supplies: ``mask:drop`` of an encoder, ``views:masked`` of views."""
    extras: tuple[str, ...] = ()
    """What to pip install before the target imports, such as ``acme-plugin[video]``."""
    source: str = ""
    """The paper or repository the code follows."""
    formerly: tuple[str, ...] = ()
    """Names it had, which still find it, with a warning, for two minor versions."""
    owner: Owner | None = None
    """Filled in by the loader, never by the plugin."""

    def __post_init__(self) -> None:
        _match(_NAME_PATTERN, self.name, f"name {self.name!r}", "'<entry point>/<word>'")
        self._match(_TARGET_PATTERN, "target", self.target, "'module:attribute'")
        if not isinstance(self.summary, str) or not self.summary or "\n" in self.summary:
            raise ValueError(f"offer {self.name!r}: summary: wanted one line, got {self.summary!r}")
        self._check_words("modality", self.modality, frozenset, WORD_PATTERN, "a lower-case word")
        capability = (tuple, _CAPABILITY_PATTERN, "'word' or 'word:word', in lower case")
        self._check_words("requires", self.requires, *capability)
        self._check_words("provides", self.provides, *capability)
        former = (tuple, _NAME_PATTERN, "'<entry point>/<word>'")
        self._check_words("formerly", self.formerly, *former)
        self._check_words("extras", self.extras, tuple, re.compile(r"\S.*"), "what pip can install")

    @property
    def word(self) -> str:
        """The name without its plugin; enough to find the offer while nobody else uses it."""
        return self.name.rpartition("/")[2]

    def of(self, owner: Owner) -> Offer:
        """The same offer, with the owner that the loader found."""
        owned = copy.copy(self)  # replace() would check every word again
        object.__setattr__(owned, "owner", owner)
        return owned

    def load(self) -> Any:
        """Import the target and return it; what it prints goes to the stream of errors.

        Raises:
            OfferImportError: naming the offer, its owner and what to install.
        """
        module, _, path = self.target.partition(":")
        try:
            with redirect_stdout(sys.stderr), self._named_while_slow():
                return operator.attrgetter(path)(importlib.import_module(module))
        except (Exception, SystemExit) as error:
            raise OfferImportError(self._cannot_import(error)) from error

    def _named_while_slow(self) -> AbstractContextManager[None]:
        # The first import of a heavy package from a cold disk takes its time, and is no fault.
        return named_while_slow(f"{self.target} ({self.name})", times=4.0)

    def suits(self, modality: str) -> bool:
        """Whether it is for this modality, by name or because it is for any."""
        return not self.modality or modality in self.modality

    def _cannot_import(self, error: BaseException) -> str:
        owner = f" of {self.owner}" if self.owner else ""
        if self.extras:
            advice = "pip install " + " ".join(f"'{extra}'" for extra in self.extras)
        elif self.owner:
            advice = f"pip install --upgrade --force-reinstall {self.owner.distribution}"
        else:
            advice = "check the spelling of the target"
        return (
            f"{self.name}{owner}: {self.target} cannot be imported"
            f" ({type(error).__name__}: {error}); try: {advice}"
        )

    def _match(self, pattern: re.Pattern[str], field: str, value: object, wanted: str) -> None:
        _match(pattern, value, f"offer {self.name!r}: {field} {value!r}", wanted)

    def _check_words(
        self,
        field: str,
        words: Collection[str],
        container: type,
        pattern: re.Pattern[str],
        wanted: str,
    ) -> None:
        # A lone string is the likely slip, and would be read letter by letter.
        if not isinstance(words, container):
            kind = container.__name__
            raise ValueError(
                f"offer {self.name!r}: {field}: wanted a {kind} of words, got {words!r}"
            )
        for word in words:
            self._match(pattern, field, word, wanted)


def _match(pattern: re.Pattern[str], value: object, what: str, wanted: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{what}: wanted {wanted}")
