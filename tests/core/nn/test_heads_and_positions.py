"""Heads have the layers they are asked for; positions are those of the paper on any grid."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from tacit.nn import Mlp, MlpConfig, grid_positions


def kinds(config: MlpConfig) -> list[str]:
    return [type(layer).__name__ for layer in Mlp(6, config).layers]


def test_a_head_has_norm_and_relu_between_its_linear_maps() -> None:
    assert kinds(MlpConfig(widths=(5, 4, 3))) == [
        *("Linear", "BatchNorm1d", "ReLU", "Linear", "BatchNorm1d", "ReLU"),
        "Linear",
    ]
    assert kinds(MlpConfig(widths=(5, 3), norm="none")) == ["Linear", "ReLU", "Linear"]
    for activation, name in (("elu", "ELU"), ("prelu", "PReLU")):
        config = MlpConfig(widths=(5, 3), norm="none", activation=activation)
        assert kinds(config) == ["Linear", name, "Linear"]
    assert kinds(MlpConfig(widths=(5, 3), norm="layer", last_norm=True)) == [
        *("Linear", "LayerNorm", "ReLU", "Linear", "LayerNorm"),
    ]
    assert Mlp(6, MlpConfig(widths=(5, 3)))(torch.randn(4, 6)).shape == (4, 3)


def test_only_linear_maps_that_batch_norm_does_not_centre_have_a_bias() -> None:
    first, *_, last = Mlp(6, MlpConfig(widths=(5, 3))).layers
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    assert first.bias is None
    assert last.bias is not None
    assert Mlp(6, MlpConfig(widths=(3,), bias=False)).layers[0].bias is None
    assert Mlp(6, MlpConfig(widths=(5, 3), norm="layer")).layers[0].bias is not None


def test_the_last_norm_may_have_nothing_to_learn() -> None:
    last = Mlp(6, MlpConfig(widths=(5, 3), last_norm=True, last_affine=False)).layers[-1]
    assert isinstance(last, nn.BatchNorm1d)
    assert last.weight is None


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"widths": ()}, "widths"),
        ({"norm": "none", "last_norm": True}, "last_norm"),
        ({"last_affine": False}, "last_affine"),
    ],
)
def test_settings_without_sense_or_effect_are_refused(
    settings: dict[str, object], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        MlpConfig(**settings)  # type: ignore[arg-type]


def test_positions_on_one_axis_are_the_transformers() -> None:
    found = grid_positions((5,), 6)
    for place in range(5):
        for pair in range(3):
            angle = place / 10000 ** (pair / 3)
            assert found[place, pair] == pytest.approx(math.sin(angle), abs=1e-6)
            assert found[place, 3 + pair] == pytest.approx(math.cos(angle), abs=1e-6)


def test_axes_share_the_width_and_the_last_runs_fastest() -> None:
    found = grid_positions((2, 3, 4), 12).reshape(2, 3, 4, 12)
    for axis, cells in enumerate((2, 3, 4)):
        line = grid_positions((cells,), 4)
        for place in range(cells):
            shares = found.select(axis, place)[..., 4 * axis : 4 * axis + 4]
            assert torch.equal(shares, line[place].expand_as(shares))


def test_what_the_axes_cannot_share_of_the_width_stays_zero() -> None:
    found = grid_positions((2, 3), 11)
    assert found.shape == (6, 11)
    assert torch.equal(found[:, :8], grid_positions((2, 3), 8))
    assert not found[:, 8:].any()
    with pytest.raises(ValueError, match="at least 4 for 2 axes; got 3"):
        grid_positions((2, 3), 3)


def test_a_reweighting_head_divides_by_powers_and_learns_nothing() -> None:
    head = Mlp(4, MlpConfig(widths=(), reweight=2.0))
    assert head.width == 4
    torch.testing.assert_close(head(torch.ones(2, 4)), torch.tensor([[1.0, 0.5, 0.25, 0.125]] * 2))
    assert not list(head.parameters())
    assert not head.state_dict()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"widths": (), "reweight": 1.0}, "reweight: wanted above 1"),
        ({"widths": (3,), "reweight": 1.1}, "stands in place of layers"),
        ({"widths": ()}, "at least one width"),
    ],
)
def test_a_reweighting_head_with_layers_or_without_a_base_is_refused(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MlpConfig(**settings)
