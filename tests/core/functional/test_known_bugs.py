"""What other libraries got wrong in these losses does not happen here, one test a bug.

Those that show under several processes alone are held by the rows of `parity_worker.py` of the same
loss: gradients short of a factor of the number of processes (lightly #1920 SIGReg, #1977 Barlow
Twins; solo-learn's Barlow Twins), statistics and assignments of one process's rows alone.
"""

from __future__ import annotations

import math

import pytest
import torch
from tests.core.functional.parity_worker import LOSSES
from tests.core.objectives.setting import make, two_views
from torch import Tensor

from tacit.contract import Context, Losses, Views
from tacit.functional import barlow_twins, sigreg, sinkhorn, vicreg
from tacit.objectives import LeJepa


def rows(count: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=generator, dtype=torch.float64)


def test_vicreg_s_invariance_sees_a_shift_between_the_views() -> None:
    """lightly #1445, #1450: views were centred before they were compared."""
    a = rows(16, 4)
    assert float(vicreg(a, a + 1).invariance) == pytest.approx(1.0)
    assert float(vicreg(a, a + 1).covariance) == pytest.approx(float(vicreg(a, a).covariance))


def test_vicreg_s_variance_is_the_mean_of_the_views_and_not_their_sum() -> None:
    """solo-learn: 27.281 where the authors' code has 27.049."""
    collapsed, spread = torch.zeros(16, 4, dtype=torch.float64), 10 * rows(16, 4)
    one = 1 - math.sqrt(1e-4)
    assert float(vicreg(collapsed, collapsed).variance) == pytest.approx(one)
    assert float(vicreg(collapsed, spread).variance) == pytest.approx(one / 2)


def test_lejepa_tests_global_views_for_being_gaussian_too() -> None:
    """lightly #2002, #2023: the statistic was taken of local views alone."""
    seen: list[Tensor] = []

    class Listening(LeJepa):
        def parts(self, views: list[Tensor], centre: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
            seen.extend(views)
            return super().parts(views, centre, ctx)

        def forward(self, views: Views, ctx: Context) -> Losses:
            return super().forward(views, ctx)

    setting = make("lejepa")
    objective = setting.objective
    assert isinstance(objective, LeJepa)
    objective.__class__ = Listening
    setting.losses(two_views(count=3))
    assert len(seen) == 3


def test_barlow_twins_in_single_precision_loses_nothing_to_the_difference_it_takes() -> None:
    """The Gram form subtracts what is on the diagonal from a total a thousand times as large."""
    a = rows(32, 512)
    exact = barlow_twins(a, a).off_diagonal
    single = barlow_twins(a.float(), a.float()).off_diagonal
    assert float(single) == pytest.approx(float(exact), rel=1e-4)


def test_no_row_is_left_without_an_assignment_however_sharp() -> None:
    """Exponentials shifted by the largest score of all: rows far below it are zeros."""
    scores = (30 * rows(16, 5)).half()
    found = sinkhorn(scores.float(), sharpness=0.03)
    assert found.isfinite().all()
    torch.testing.assert_close(found.sum(1), torch.ones(16))
    cosines = torch.tensor([[1.0, 0.9], [-1.0, -0.9], [-0.9, -1.0]])
    sharp = sinkhorn(cosines, sharpness=0.01)
    torch.testing.assert_close(sharp, sinkhorn(cosines.double(), sharpness=0.01).float())
    torch.testing.assert_close(sharp.sum(1), torch.ones(3))


def test_sigreg_tells_a_gaussian_from_two_points_of_the_same_moments() -> None:
    """A test of mean and variance alone would not."""
    gaussian = rows(512, 4)
    points = torch.where(gaussian > 0, 1.0, -1.0).double()

    def statistic(x: Tensor) -> float:
        return float(sigreg(x, slices=1, generator=torch.Generator().manual_seed(0)))

    axis = torch.eye(4, dtype=torch.float64)[:1]
    one = (gaussian @ axis.T, points @ axis.T)
    assert statistic(one[1]) > 5 * statistic(one[0])


@pytest.mark.parametrize(
    "name",
    ["sigreg", "barlow_twins", "mixed_barlow_twins", "vicreg", "eckart_young", "sinkhorn"],
)
def test_gradients_under_distribution_are_held_for(name: str) -> None:
    assert any(each.split()[0] == name for each in LOSSES)
