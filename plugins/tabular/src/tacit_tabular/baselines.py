"""Boosted trees on the raw table: what a pretrained encoder of tables is compared with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from torch import Tensor

from tacit.evaluation import Target
from tacit_tabular.modality import Rows

_MOST_CATEGORIES = 255


def boosted_trees(train: Rows, test: Rows, target: Target, *, seed: int) -> Mapping[str, float]:
    """Scores of scikit-learn's histogram gradient boosting, with its own defaults.

    Numbers stay as they are, categories are categories, missing values are values; a category
    unseen in training counts as missing, and a column of more than 255 categories is treated as
    the numbers of its codes. Above 10,000 rows a tenth of the training rows decides when to stop.

    Args:
        train: rows to fit on.
        test: rows to measure on, of the same columns.
        target: what is to be predicted of both; a single number where it is not a class.
        seed: of the split that decides when to stop.

    Returns:
        the metrics of `Target.scores`.

    Raises:
        ValueError: several numbers for a row.
    """
    few = [0 < len(column.categories) <= _MOST_CATEGORIES for column in train.columns]
    settings = {"categorical_features": few, "random_state": seed}
    inputs, held = _cells(train), _cells(test)
    if target.classes is not None:
        found = HistGradientBoostingClassifier(**settings).fit(inputs, target.train.numpy())
        return target.scores(torch.from_numpy(found.predict(held)))
    if target.train.shape[1] != 1:
        raise ValueError(f"boosted trees: wanted one number a row; got {target.train.shape[1]}")
    model = HistGradientBoostingRegressor(**settings).fit(inputs, target.train[:, 0].numpy())
    return target.scores(torch.from_numpy(model.predict(held))[:, None])


def _cells(rows: Rows) -> np.ndarray:
    """Cells with unseen categories as missing ones."""
    sizes = torch.tensor([len(column.categories) for column in rows.columns])
    unseen: Tensor = (rows.cells < 0) & (sizes > 0)
    cells: np.ndarray = rows.cells.masked_fill(unseen, torch.nan).numpy()
    return cells
