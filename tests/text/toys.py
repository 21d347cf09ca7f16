"""Texts a test can train on."""

from __future__ import annotations

import torch

from tacit.contract import Augmentation, Batch, Objective
from tacit.methods import Learner
from tacit_text.encoders import Bert, BertConfig
from tacit_text.modality import Text
from tacit_text.texts import Texts


def small_bert() -> Bert:
    """The smallest BERT, without dropout."""
    torch.manual_seed(0)
    return Bert(BertConfig(width=32, depth=1, heads=2, max_tokens=48, dropout=0.0))


def learner_of(encoder: Bert, objective: Objective, views: Augmentation) -> Learner:
    torch.manual_seed(0)
    return Learner(
        encoders={"text": encoder},
        objective=objective,
        augmentations={"text": views},
        modalities={"text": Text()},
    )


def batch_of(texts: Texts) -> Batch:
    return Batch(values={"text": texts}, index=torch.arange(len(texts)))


def falls(learner: Learner, texts: Texts, *, steps: int) -> float:
    """The loss of the last steps, as a share of that of the first."""
    optimizer = torch.optim.Adam(learner.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        loss = learner(batch_of(texts)).total()
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        learner.after_step()
    return sum(losses[-5:]) / sum(losses[:5])
