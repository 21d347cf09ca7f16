"""What an item of a bag holds, as what is to be predicted: its code, and its value."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import TokenTarget
from tacit.functional import global_mean
from tacit_tabular.bags import Bags, Code, normalised
from tacit_tabular.bags.codes import knots_of


class ItemTarget(TokenTarget):
    """The code of every item and its value, and how far off a prediction of both is.

    The error is the cross-entropy of the code plus the squared error of the value as a share of the
    training values of its code, each the mean over the items that have it: codes outside the
    vocabulary and missing values have no answer. The value is predicted from what the decoder
    answers and from the probabilities predicted for the codes, behind a sigmoid: to say how high a
    test is one must guess which it was.

    Source: Bellamy et al. 2023 (arXiv 2312.11502), Labrador, section 3.2; DavidBellamy/labrador,
    lab_transformers/models/labrador/prediction_heads.py and loss.py; both losses weigh 1, as there.
    Where we differ: a decoder's layer stands between the encoder and the heads, which the authors'
    heads read directly; the gradient of the value's error reaches the code's scores, as theirs.

    Args:
        codes: the vocabulary.
        width: features a decoder answers for each item.
    """

    knots: Tensor

    def __init__(self, codes: tuple[Code, ...], width: int = 64) -> None:
        super().__init__()
        self.width = width
        self.register_buffer("knots", knots_of(codes), persistent=False)
        size = len(codes)
        self.code = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, size))
        self.value = nn.Sequential(
            nn.Linear(width + size, width + size), nn.ReLU(), nn.Linear(width + size, 1)
        )

    def forward(self, value: Bags) -> Float[Tensor, "bags items 2"]:
        """Code and share of every item; NaN where there is no answer."""
        code = value.codes.to(value.values.dtype)
        known = value.valid & (value.codes >= 0)
        share = normalised(value.codes, value.values, self.knots)
        return torch.stack([code, share], dim=2).where(known[..., None], torch.nan).float()

    def error(
        self,
        prediction: Float[Tensor, "bags items width"],
        target: Float[Tensor, "bags items 2"],
        hidden: Bool[Tensor, "bags items"],
    ) -> Float[Tensor, ""]:
        """Both errors, summed."""
        code, share = target.unbind(2)
        scores, guessed = self.answers(prediction)
        coded, valued = hidden & ~code.isnan(), hidden & ~share.isnan()
        wanted = code.nan_to_num(0.0).long()
        surprise = functional.cross_entropy(
            scores.flatten(0, 1), wanted.flatten(), reduction="none"
        )
        wrong = surprise.view_as(code).where(coded, 0.0).sum()
        squared = (guessed - share.nan_to_num(0.0)).square().where(valued, 0.0).sum()
        return global_mean(wrong, coded.sum()) + global_mean(squared, valued.sum())

    def answers(
        self, prediction: Float[Tensor, "bags items width"]
    ) -> tuple[Float[Tensor, "bags items codes"], Float[Tensor, "bags items"]]:
        """The score of every code for each item, and its value in [0, 1]."""
        scores = self.code(prediction).float()
        both = torch.cat([prediction, scores.softmax(-1).to(prediction.dtype)], dim=-1)
        return scores, self.value(both).squeeze(-1).float().sigmoid()
