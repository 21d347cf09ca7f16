"""Whether a composition can work, asked before any data is loaded."""

from __future__ import annotations

from collections.abc import Mapping

from tacit.contract import (
    Augmentation,
    Composition,
    Encoder,
    Modality,
    ModelAugmentation,
    Objective,
    unmet,
)


def composition(
    encoders: Mapping[str, Encoder],
    augmentations: Mapping[str, Augmentation | ModelAugmentation],
    *,
    teachers: frozenset[str],
    batch: int,
    modalities: Mapping[str, Modality] | None = None,
    labels: bool = True,
    groups: bool = True,
    instances: int | None = 0,
) -> Composition:
    """What these encoders and views offer an objective.

    Labels, groups and a known size are taken as given until the data says otherwise.
    """
    return Composition(
        specs={name: encoder.spec for name, encoder in encoders.items()},
        roles={name: augmentation.roles for name, augmentation in augmentations.items()},
        meta={name: augmentation.meta for name, augmentation in augmentations.items()},
        teachers=teachers,
        labels=labels,
        groups=groups,
        instances=instances,
        batch=batch,
        mixes=frozenset(name for name, each in (modalities or {}).items() if each.mixes),
    )


def check(objective: Objective, offered: Composition, *, what: str, hint: str = "") -> None:
    """Refuse a composition that cannot work.

    Args:
        objective: what is to be trained.
        offered: what it would be trained on.
        what: the name of the method, for the message.
        hint: what would fit, as a last line.

    Raises:
        ValueError: every open need.
    """
    if problems := unmet(objective.requires, offered):
        last = f". {hint}" if hint else ""
        raise ValueError(f"{what} cannot run on this composition: {'; '.join(problems)}{last}")
