"""What tests of text share: a small encoder, a few texts."""

from __future__ import annotations

import pytest
import torch

from tacit_text.encoders import Bert, BertConfig
from tacit_text.texts import Texts

SENTENCES = (
    "Return the number of open files, or none at all.",
    "A logger writes records to its handlers.",
    "Parse the message and return its headers as a mapping.",
    "Wait until the process has ended; raise an error after a timeout.",
    "Names.",
    "Antidisestablishmentarianism is one unusual word among the others.",
)


@pytest.fixture
def texts() -> Texts:
    return Texts(SENTENCES)


@pytest.fixture
def encoder() -> Bert:
    torch.manual_seed(0)
    return Bert(BertConfig(width=32, depth=2, heads=2, max_tokens=48))
