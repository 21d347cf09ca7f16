"""What is costly is done for the tokens asked for alone, and comes to the same."""

from __future__ import annotations

import pytest
import torch
from tests.core.objectives.setting import SIZE, Setting, TokenEncoder, values
from torch import nn

from tacit.contract import DataInfo, Mask, View, Views
from tacit.nn import (
    CosineDecoder,
    CrossEntropy,
    InputTarget,
    LinearDecoder,
    MeanSquared,
    Picked,
    RandomProjectionTarget,
    pick,
)
from tacit.objectives import MaskedPrediction, MaskedPredictionConfig

ASKED = torch.tensor([[0, 1, 0, 1, 1], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]]).bool()


def test_those_asked_for_come_first_and_others_do_not_count() -> None:
    picked = pick(ASKED, 3)
    assert picked.index[0].tolist() == [1, 3, 4]
    assert picked.index[1, 0] == 0
    assert picked.there.tolist() == [[True] * 3, [True, False, False], [False] * 3]


def test_values_of_any_form_are_taken_and_put_back() -> None:
    picked, values = pick(ASKED, 3), torch.arange(15).view(3, 5)
    assert picked.of(values)[0].tolist() == [1, 3, 4]
    assert torch.equal(picked.of(values[..., None].expand(-1, -1, 2))[..., 1], picked.of(values))
    back = picked.into(values, -picked.of(values) - 100)
    assert torch.equal(back, torch.where(ASKED, -values - 100, values))
    assert isinstance(picked, Picked)


@pytest.mark.parametrize(
    "config",
    [
        MaskedPredictionConfig(
            mode="replace", decoder=LinearDecoder(), target=InputTarget(), loss=MeanSquared()
        ),
        MaskedPredictionConfig(
            mode="replace",
            decoder=CosineDecoder(width=8),
            target=RandomProjectionTarget(codes=7),
            loss=CrossEntropy(),
        ),
    ],
)
def test_a_mask_that_says_how_many_it_hides_changes_no_loss_and_no_gradient(
    config: MaskedPredictionConfig,
) -> None:
    asked = torch.rand(8, SIZE, generator=torch.Generator().manual_seed(0)) < 0.3
    found = []
    for mask in (Mask(asked, "replace"), Mask(asked, "replace", most=int(asked.sum(1).max()))):
        torch.manual_seed(0)
        encoder, objective = TokenEncoder(), MaskedPrediction(config)
        objective.build({"signal": encoder.spec}, DataInfo())
        setting = Setting(objective, nn.ModuleDict({"signal": encoder}), {})
        view = View(value=values(8), modality="signal", mask=mask)
        loss = setting.losses(Views([view])).total()
        loss.backward()
        found.append([loss, *(p.grad for p in setting.trained() if p.grad is not None)])
    torch.testing.assert_close(found[0], found[1])


def test_no_mask_hides_more_than_its_row_has() -> None:
    assert Mask(ASKED, "replace", 2).most == 2
    with pytest.raises(ValueError, match="most: wanted 0 to 5"):
        Mask(ASKED, "replace", most=6)
