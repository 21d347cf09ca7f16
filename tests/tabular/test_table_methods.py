from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from torch.nn import functional

import tacit
from tacit.contract import Mask
from tacit_tabular.data import FrameSource
from tacit_tabular.encoders import CellTarget, Transformer, TransformerConfig
from tacit_tabular.modality import Rows
from tacit_tabular.objectives.vime import changed, mask_error

FRAME = pd.DataFrame(
    {
        "age": [20.0, 40.0, None, 60.0] * 16,
        "job": ["cook", None, "nurse", "cook"] * 16,
        "income": [float(i % 7) for i in range(64)],
    }
)
METHODS = ["tabular/scarf", "tabular/vime", "tabular/mvm", "tabular/t-jepa"]


def rows_of(source: FrameSource, count: int = 4) -> Rows:
    value = source.fetch(range(count)).values["table"]
    assert isinstance(value, Rows)
    return value


def encoder_of(rows: Rows, registers: int = 1) -> Transformer:
    torch.manual_seed(0)
    config = TransformerConfig(columns=rows.columns, width=8, heads=2, depth=2, registers=registers)
    return Transformer(config).eval()


def test_error_of_mixed_columns_is_squared_distance_and_log_probability() -> None:
    rows = rows_of(FrameSource(FRAME))
    target = CellTarget(rows.columns, width=5)
    content = target(rows)
    torch.manual_seed(1)
    prediction = torch.randn(4, 3, 5)
    hidden = torch.tensor([[True, True, False]] * 4)
    number = prediction[:, 0] @ target.direction[0] + target.bias[0]
    scores = target.codes["1"](prediction[:, 1])
    ages = functional.mse_loss(number[[0, 1, 3]], content[[0, 1, 3], 0], reduction="sum")
    codes = torch.tensor([0, 1, 0])
    jobs = functional.cross_entropy(scores[[0, 2, 3]], codes, reduction="sum")
    expected = (ages + jobs) / 6  # one age and one job are missing
    torch.testing.assert_close(target.error(prediction, content, hidden), expected)


def test_cells_without_an_answer_give_no_gradient() -> None:
    rows = rows_of(FrameSource(FRAME))
    rows.cells[3, 1] = -1
    target = CellTarget(rows.columns, width=5)
    prediction = torch.randn(4, 3, 5, requires_grad=True)
    target.error(prediction, target(rows), torch.ones(4, 3, dtype=torch.bool)).backward()
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()
    still = prediction.grad.abs().sum(2) == 0
    expected = torch.zeros(4, 3, dtype=torch.bool)
    expected[2, 0] = expected[1, 1] = expected[3, 1] = True
    assert torch.equal(still, expected)


def test_taps_are_the_layers_and_the_last_one_is_what_is_normed() -> None:
    rows = rows_of(FrameSource(FRAME))
    encoder = encoder_of(rows)
    encoding = encoder(rows, taps=(1, 2))
    assert sorted(encoding.layers) == [1, 2]
    torch.testing.assert_close(encoder.norm(encoding.layers[2]), encoding.tokens)
    with pytest.raises(ValueError, match="layers 1 to 2"):
        encoder(rows, taps=(3,))


@pytest.mark.parametrize("mode", ["drop", "replace", "query"])
def test_registers_are_never_hidden_and_no_column(mode: str) -> None:
    rows = rows_of(FrameSource(FRAME))
    hidden = torch.tensor([[True, False, False]] * 4)
    encoding = encoder_of(rows, registers=2)(rows, mask=Mask(hidden, mode, 1))  # type: ignore[arg-type]
    assert encoding.registers is not None
    assert encoding.registers.shape == (4, 2, 8)
    assert encoding.tokens is not None
    assert encoding.tokens.shape[1] == (2 if mode == "drop" else 3)
    assert encoder_of(rows, registers=0)(rows).registers is None


def test_a_cell_is_changed_where_its_content_differs() -> None:
    rows = rows_of(FrameSource(FRAME))
    other = rows.replaced(rows.cells.clone())
    assert not changed(rows, other).any()
    other.cells[0, 0], other.cells[1, 1] = torch.nan, 1.0
    expected = torch.zeros(4, 3, dtype=torch.bool)
    expected[0, 0] = expected[1, 1] = True
    assert torch.equal(changed(rows, other), expected)


def test_mask_error_of_undecided_scores_is_log_two() -> None:
    error = mask_error(torch.zeros(4, 3), torch.rand(4, 3) < 0.5)
    torch.testing.assert_close(error, torch.tensor(2.0).log())


@pytest.mark.parametrize("method", METHODS)
def test_methods_run_on_mixed_columns_with_missing_cells(method: str, tmp_path: Path) -> None:
    run = tacit.pretrain(
        method,
        data=FrameSource(FRAME),
        out=tmp_path / "run",
        settings={"epochs": 2, "training": {"batch": 32}},
    )
    rows = rows_of(FrameSource(FRAME), 64)
    pooled = run.encoder.eval()(rows).pooled
    assert pooled.isfinite().all()
    assert pooled.std(0).max() > 1e-3, "all rows alike"


def test_t_jepa_and_masked_values_need_tokens(tmp_path: Path) -> None:
    for method in ("tabular/mvm", "tabular/t-jepa"):
        with pytest.raises(ValueError, match="tokens"):
            tacit.pretrain(method, data="tabular/wine", encoder="tabular/mlp", out=tmp_path / "run")
