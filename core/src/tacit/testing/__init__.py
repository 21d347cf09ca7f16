"""The conformance suite: what is true of every plugin, whoever wrote it.

For tests of a package, and behind `tacit check`. Nothing that runs imports it.
"""

from __future__ import annotations

from tacit.testing.augmentations import AUGMENTATIONS, AugmentationSubject
from tacit.testing.check import Case, Check, Report, Result, Skipped
from tacit.testing.data import (
    MODALITIES,
    PROBES,
    SOURCES,
    ModalitySubject,
    ProbeSubject,
    SourceSubject,
)
from tacit.testing.encoder_subject import EncoderSubject
from tacit.testing.encoders import ENCODERS
from tacit.testing.engine import MethodSubject
from tacit.testing.methods import METHODS
from tacit.testing.plugins import PLUGINS, PluginSubject
from tacit.testing.suite import cases, conformance

__all__ = [
    "AUGMENTATIONS",
    "ENCODERS",
    "METHODS",
    "MODALITIES",
    "PLUGINS",
    "PROBES",
    "SOURCES",
    "AugmentationSubject",
    "Case",
    "Check",
    "EncoderSubject",
    "MethodSubject",
    "ModalitySubject",
    "PluginSubject",
    "ProbeSubject",
    "Report",
    "Result",
    "Skipped",
    "SourceSubject",
    "cases",
    "conformance",
]
