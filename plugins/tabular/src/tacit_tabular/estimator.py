"""Pretrained encoders of tables as scikit-learn transformers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

import tacit
from tacit.contract import Encoder
from tacit_tabular.data.anything import frame_of
from tacit_tabular.data.frames import FrameSource, encode
from tacit_tabular.encoders import (
    Mlp,
    MlpConfig,
    ResNet,
    ResNetConfig,
    Transformer,
    TransformerConfig,
)
from tacit_tabular.modality import Rows
from tacit_tabular.schema import Column, Kind

_OURS = ("scarf", "vime", "mvm", "t-jepa")
_CHUNK = 4096


class TabularEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Learns from unlabelled rows, and answers one vector for each row.

    Takes arrays of numbers, pandas and polars frames and Arrow tables; missing values and, in
    frames, categories are values. Labels given to `fit` are never looked at. Answers in double
    precision, so that a row's vector does not depend on the rows beside it.

    Args:
        method: `scarf`, `vime`, `mvm`, `t-jepa`, or the name of any method that fits tables.
        encoder: `transformer`, whose tokens are columns, or `mlp` or `resnet`, which only pool:
            `mvm` and `t-jepa` need the transformer.
        width: features of the answer.
        depth: layers.
        epochs: passes over the rows.
        batch: rows of a step; all of them where there are fewer.
        lr: of AdamW, at its height.
        categorical: names of columns that hold categories though they look like numbers.
        random_state: of weights, views and the order of the rows.

    Attributes:
        encoder_: the trained encoder, a plain module.
        columns_: kinds and statistics of the columns, of the rows given to `fit`.

    Raises:
        ValueError: on `fit`, fewer than 2 rows or a composition that does not fit; on `transform`,
            other columns than fitted.

    Example:
        >>> import numpy as np
        >>> rows = np.random.default_rng(0).normal(size=(32, 4))
        >>> small = TabularEncoder("vime", encoder="mlp", width=8, epochs=1)
        >>> small.fit_transform(rows).shape
        (32, 8)
    """

    def __init__(
        self,
        method: str = "t-jepa",
        *,
        encoder: str = "transformer",
        width: int = 64,
        depth: int = 3,
        epochs: int = 100,
        batch: int = 256,
        lr: float = 1e-3,
        categorical: Sequence[str] | None = None,
        random_state: Any = 0,
    ) -> None:
        self.method = method
        self.encoder = encoder
        self.width = width
        self.depth = depth
        self.epochs = epochs
        self.batch = batch
        self.lr = lr
        self.categorical = categorical
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> TabularEncoder:
        """Pretrain on the rows of `X`; `y` is not looked at."""
        frame = self._frame(X, fitting=True)
        kinds: dict[str, Kind] = dict.fromkeys(self.categorical or (), "categorical")
        source = FrameSource(frame, kinds=kinds)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with tempfile.TemporaryDirectory() as folder:
            run = tacit.pretrain(
                f"tabular/{self.method}" if self.method in _OURS else self.method,
                data=source,
                encoder=self._new(source.columns, seed),
                out=Path(folder) / "run",
                seed=seed,
                settings=self._settings(len(source)),
            )
            self._keep(source.columns, run.encoder)
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Vectors `(rows, width)`.

        Raises:
            ValueError: the columns are not those of `fit`.
        """
        check_is_fitted(self)
        cells = encode(self._frame(X, fitting=False), self.columns_)
        with torch.no_grad():
            parts = [
                self.encoder_(Rows(cells=part, columns=self.columns_)).pooled
                for part in cells.split(_CHUNK)
            ]
        vectors: NDArray[np.float64] = torch.cat(parts).numpy()
        return vectors

    def save(self, path: str | Path) -> None:
        """Write the fitted encoder into a new folder: weights as safetensors, the rest as JSON.

        Loading it runs no code of the file, unlike a pickle.
        """
        check_is_fitted(self)
        folder = Path(path)
        folder.mkdir(parents=True)
        save_file(self.encoder_.state_dict(), folder / "encoder.safetensors")
        names = getattr(self, "feature_names_in_", None)
        record = {
            "settings": {k: v for k, v in self.get_params().items() if k != "random_state"},
            "columns": [asdict(column) for column in self.columns_],
            "names": None if names is None else list(names),
        }
        (folder / "estimator.json").write_text(json.dumps(record, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> TabularEncoder:
        """Read what `save` wrote; `random_state` is the default's.

        Raises:
            ValueError: no saved encoder lies there.
        """
        folder = Path(path)
        if not (folder / "estimator.json").is_file():
            raise ValueError(f"path: {folder}: wanted a folder written by TabularEncoder.save")
        record = json.loads((folder / "estimator.json").read_text(encoding="utf-8"))
        found = cls(**record["settings"])
        columns = tuple(
            Column(**{**each, "categories": tuple(each["categories"])})
            for each in record["columns"]
        )
        encoder = found._new(columns, 0).double()
        encoder.load_state_dict(load_file(folder / "encoder.safetensors"))
        found._keep(columns, encoder)
        found.n_features_in_ = len(columns)
        if record["names"] is not None:
            found.feature_names_in_ = np.array(record["names"], dtype=object)
        return found

    def __sklearn_tags__(self) -> Any:
        """Missing values and categories are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags

    def _frame(self, given: Any, *, fitting: bool) -> pd.DataFrame:
        fewest = 2 if fitting else 1
        if hasattr(given, "columns") or hasattr(given, "column_names"):
            frame = frame_of(given)
            validate_data(self, frame, reset=fitting, skip_check_array=True)
            if len(frame) < fewest:
                raise ValueError(
                    f"Found a table with {len(frame)} sample(s) while a minimum of {fewest} is "
                    "required"
                )
            return frame.rename(columns=str)
        cells = validate_data(
            self,
            given,
            reset=fitting,
            dtype="numeric",
            ensure_all_finite="allow-nan",
            ensure_min_samples=fewest,
        )
        return pd.DataFrame(cells, columns=[f"x{at}" for at in range(cells.shape[1])])

    def _new(self, columns: tuple[Column, ...], seed: int) -> Encoder:
        if self.encoder not in ("transformer", "mlp", "resnet"):
            raise ValueError(
                f"encoder: wanted 'transformer', 'mlp' or 'resnet'; got {self.encoder!r}"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if self.encoder == "mlp":
                return Mlp(MlpConfig(columns=columns, width=self.width, depth=self.depth))
            if self.encoder == "resnet":
                return ResNet(ResNetConfig(columns=columns, width=self.width, depth=self.depth))
            config = TransformerConfig(columns=columns, width=self.width, depth=self.depth)
            return Transformer(config)

    def _settings(self, rows: int) -> dict[str, object]:
        return {
            "epochs": self.epochs,
            "optimizer": {"lr": self.lr},
            "training": {"batch": min(self.batch, rows), "watch_every": 0},
        }

    def _keep(self, columns: tuple[Column, ...], encoder: Encoder) -> None:
        self.columns_ = columns
        self.encoder_ = encoder.cpu().double().eval().requires_grad_(False)
        self._n_features_out = self.width
