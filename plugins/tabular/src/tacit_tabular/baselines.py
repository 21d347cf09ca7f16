"""Boosted trees on the raw table: what a pretrained encoder of tables is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

if TYPE_CHECKING:
    from tacit_tabular.modality import Rows

_MOST_CATEGORIES = 255


def boosted_trees(
    train: Rows,
    test: Rows,
    labels: Int[Tensor, " rows"] | Float[Tensor, "rows targets"],
    *,
    classes: int | None,
    seed: int,
) -> Int[Tensor, " tested"] | Float[Tensor, "tested targets"]:
    """What scikit-learn's histogram gradient boosting predicts, with its own defaults.

    Numbers stay as they are, categories are categories, missing values are values; a category
    unseen in training counts as missing, and a column of more than 255 categories is treated as
    the numbers of its codes. Above 10,000 rows a tenth of the training rows decides when to stop.
    Several numbers for a row are predicted by a model each.

    Args:
        train: rows to fit on.
        test: rows to predict for, of the same columns.
        labels: class of every row of `train`, or its numbers.
        classes: how many classes there are; None for numbers.
        seed: of the split that decides when to stop.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    few = [0 < len(column.categories) <= _MOST_CATEGORIES for column in train.columns]
    settings = {"categorical_features": few, "random_state": seed}
    inputs, held = _cells(train), _cells(test)
    if classes is None:
        models = (HistGradientBoostingRegressor(**settings) for _ in range(labels.shape[1]))
        columns = zip(models, labels.cpu().numpy().T, strict=True)
        found = [model.fit(inputs, column).predict(held) for model, column in columns]
        return torch.from_numpy(np.stack(found, 1))
    if bool((labels == labels[0]).all()):  # of which scikit-learn learns nothing
        return labels[:1].cpu().expand(len(held))
    model = HistGradientBoostingClassifier(**settings).fit(inputs, labels.cpu().numpy())
    return torch.from_numpy(model.predict(held))


def _cells(rows: Rows) -> np.ndarray:
    """Cells with unseen categories as missing ones."""
    sizes = torch.tensor([len(column.categories) for column in rows.columns])
    unseen: Tensor = (rows.cells < 0) & (sizes.to(rows.cells.device) > 0)
    cells: np.ndarray = rows.cells.masked_fill(unseen, torch.nan).cpu().numpy()
    return cells
