from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import tacit
from tacit.contract import Mask
from tacit_tabular.data import BundledConfig, FrameSource, Wine
from tacit_tabular.encoders import (
    Mlp,
    MlpConfig,
    ResNet,
    ResNetConfig,
    Transformer,
    TransformerConfig,
)
from tacit_tabular.modality import Rows, Table
from tacit_tabular.views import CorruptionConfig, TwoViews

FRAME = pd.DataFrame(
    {
        "age": [20.0, 40.0, np.nan, 60.0],
        "job": ["cook", None, "nurse", "cook"],
        "member": [True, False, True, True],
        "since": pd.to_datetime(["2020-01-01", "2021-01-01", "NaT", "2022-01-01"]),
        "empty": [None, None, None, None],
        "constant": [3, 3, 3, 3],
    }
)


def rows_of(source: FrameSource) -> Rows:
    value = source.fetch(range(len(source))).values["table"]
    assert isinstance(value, Rows)
    return value


def transformer(rows: Rows) -> Transformer:
    torch.manual_seed(0)
    return Transformer(TransformerConfig(columns=rows.columns, width=8, heads=2, depth=2)).eval()


def test_kinds_are_inferred_and_can_be_overridden() -> None:
    kinds = [column.kind for column in FrameSource(FRAME).columns]
    assert kinds == ["numerical", "categorical", "categorical", *["numerical"] * 3]
    told = FrameSource(FRAME, kinds={"constant": "categorical"}).columns
    assert told[-1].categories == ("3",)


def test_statistics_skip_what_is_missing() -> None:
    age, *_, empty, constant = FrameSource(FRAME).columns
    assert age.mean == 40
    assert age.std == pytest.approx(np.std([20, 40, 60]))
    assert (empty.mean, empty.std) == (0, 1)
    assert (constant.mean, constant.std) == (3, 1)


def test_statistics_are_those_of_training_rows_in_every_split() -> None:
    train, test = (Wine(BundledConfig(split=split)) for split in ("train", "test"))
    assert train.columns == test.columns
    assert (len(train), len(test)) == (142, 36)
    mean = rows_of(train).cells.mean(0)
    torch.testing.assert_close(mean, torch.tensor([c.mean for c in test.columns]).double())


def test_missing_and_unseen_differ_and_neither_crashes() -> None:
    train = FrameSource(FRAME)
    new = FRAME.assign(job=FRAME["job"].replace("cook", "astronaut"))
    rows = rows_of(FrameSource(new, columns=train.columns))
    assert rows.cells[0, 1] == -1
    assert rows.cells[1, 1].isnan()
    tokens = transformer(rows).tokenize(rows).values
    assert tokens.isfinite().all()
    assert not torch.equal(tokens[0, 1], tokens[1, 1])


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (FRAME.iloc[:0], "wanted rows"),
        (FRAME[[]], "columns"),
        (pd.concat([FRAME, FRAME[["age"]]], axis=1), "occur twice"),
        (FRAME.assign(age=np.inf), "infinite"),
    ],
)
def test_tables_that_teach_nothing_are_refused(frame: pd.DataFrame, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FrameSource(frame)


def test_one_row_is_enough_to_embed() -> None:
    rows = rows_of(FrameSource(FRAME.iloc[:1]))
    assert transformer(rows)(rows).pooled.shape == (1, 8)


def test_ten_thousand_categories_are_embedded() -> None:
    source = FrameSource(pd.DataFrame({"code": [f"c{i}" for i in range(10_000)]}))
    rows = rows_of(source)
    assert sorted(rows.cells[:, 0].tolist()) == list(range(10_000))
    assert transformer(rows).tokenize(rows).values[:, 0].unique(dim=0).shape[0] == 10_000


def test_a_missing_column_is_named() -> None:
    columns = FrameSource(FRAME).columns
    with pytest.raises(ValueError, match=r"lacks the columns .'job'"):
        FrameSource(FRAME.drop(columns="job"), columns=columns)
    with pytest.raises(ValueError, match=r"missing .'job'"):
        Table().fit(columns, rows_of(FrameSource(FRAME.drop(columns="job"))))


def test_other_codes_for_the_same_column_are_refused() -> None:
    encoder = transformer(rows_of(FrameSource(FRAME)))
    with pytest.raises(ValueError, match="other categories"):
        encoder(rows_of(FrameSource(FRAME.assign(job=["x", "y", "z", "x"]))))


@pytest.mark.parametrize("mode", ["drop", "replace", "query"])
def test_what_a_mask_hides_does_not_reach_what_is_seen(mode: str) -> None:
    rows = rows_of(FrameSource(FRAME))
    hidden = torch.zeros(4, 6, dtype=torch.bool)
    hidden[:, 0] = True
    mask = Mask(hidden, mode, 1)  # type: ignore[arg-type]
    changed = rows.replaced(rows.cells.clone())
    changed.cells[:, 0] = 99.0
    encoder = transformer(rows)
    torch.testing.assert_close(encoder(rows, mask=mask).pooled, encoder(changed, mask=mask).pooled)
    assert not torch.allclose(encoder(rows).pooled, encoder(changed).pooled)


def test_the_perceptron_has_no_tokens() -> None:
    rows = rows_of(FrameSource(FRAME))
    encoder = Mlp(MlpConfig(columns=rows.columns, width=16))
    assert encoder(rows).pooled.shape == (4, 16)
    with pytest.raises(ValueError, match="only pools"):
        encoder(rows, taps=(1,))


def test_the_blocks_of_the_residual_network_add_to_its_trunk() -> None:
    rows = rows_of(FrameSource(FRAME))
    encoder = ResNet(ResNetConfig(columns=rows.columns, width=16, depth=2)).eval()
    whole = encoder(rows).pooled
    assert whole.shape == (4, 16)
    for name, parameter in encoder.blocks.named_parameters():
        if "layers.4" in name:  # the last layer of each
            torch.nn.init.zeros_(parameter)
    plain = encoder.last(encoder.first(encoder.embed(rows).flatten(1)))
    torch.testing.assert_close(encoder(rows).pooled, plain)
    assert not torch.allclose(whole, plain)
    with pytest.raises(ValueError, match="only pools"):
        encoder(rows, taps=(1,))


def test_dropout_of_the_residual_network_is_for_training_alone() -> None:
    rows = rows_of(FrameSource(FRAME))
    encoder = ResNet(ResNetConfig(columns=rows.columns, width=16, dropout=0.5))
    assert not torch.equal(encoder(rows).pooled, encoder(rows).pooled)
    encoder.eval()
    assert torch.equal(encoder(rows).pooled, encoder(rows).pooled)
    with pytest.raises(ValueError, match="dropout: wanted"):
        ResNetConfig(dropout=1.0)


def test_an_encoder_without_columns_says_where_they_come_from() -> None:
    with pytest.raises(ValueError, match="from its data"):
        Mlp(MlpConfig())(rows_of(FrameSource(FRAME)))


def test_corruption_takes_values_of_the_same_column_at_its_rate() -> None:
    rows = rows_of(Wine(BundledConfig()))
    views = TwoViews(CorruptionConfig(rate=0.6))
    anchor, corrupted = views(rows, torch.Generator().manual_seed(0))
    again = views(rows, torch.Generator().manual_seed(0))[1]
    assert torch.equal(anchor.value.cells, rows.cells)
    assert torch.equal(corrupted.value.cells, again.value.cells)
    where = corrupted.meta["corrupted"]
    assert abs(where.double().mean() - 0.6) < 0.04
    assert torch.equal(corrupted.value.cells[~where], rows.cells[~where])
    for before, after in zip(rows.cells.T, corrupted.value.cells.T, strict=True):
        assert torch.isin(after, before).all()


@pytest.mark.parametrize("encoder", ["tabular/transformer", "tabular/mlp", "tabular/resnet"])
def test_simclr_runs_on_an_embedded_table(encoder: str, tmp_path: Path) -> None:
    run = tacit.pretrain(
        "simclr",
        data="tabular/wine",
        encoder=encoder,
        out=tmp_path / "run",
        settings={"epochs": 1, "training": {"batch": 64}},
    )
    assert run.encoder is not None
