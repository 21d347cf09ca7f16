"""A transformer over the rows of a problem: rows asked for look at rows whose labels are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_tabular.encoders.riemann import Riemann
from tacit_tabular.problems import Answer, Problems


@dataclass(frozen=True, kw_only=True)
class InContextConfig:
    """Settings of the transformer.

    Args:
        inputs: columns of a row; a run takes them from its data.
        width: features of a row's token, a multiple of `heads`.
        depth: layers.
        heads: attention heads.
        bins: of the answer; the authors have 100 to 10 000.
        scale: deviation of the labels before anything is known; labels on another scale are to be
            divided first.

    Raises:
        ValueError: fewer than 3 bins, fewer than 1 column, or a scale that is not positive.
    """

    inputs: int = 1
    width: int = 64
    depth: int = 4
    heads: int = 4
    bins: int = 100
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.inputs < 1:
            raise ValueError(f"inputs: wanted at least 1; got {self.inputs}")
        if self.bins < 3:
            raise ValueError(f"bins: wanted at least 3; got {self.bins}")
        if self.scale <= 0:
            raise ValueError(f"scale: wanted above 0; got {self.scale}")


class InContext(Encoder):
    """Problems to one token a row, and to what the labels asked for may be.

    All rows look at those whose labels are known, and nobody looks at one whose label is not (NaN),
    not even the row itself. So what is said of a row does not depend on what else is asked, and the
    order of rows means nothing. One learned token that everybody looks at stands in where no label
    is known; what becomes of it is the problem's vector.

    The head that says what labels may be is part of the encoder, not of the objective: with it the
    encoder's weights are the whole of a prior-data fitted network, saved and loaded as any.

    Source: Müller et al. 2022 (arXiv:2112.10510), section 4, figure 2;
    automl/TransformersCanDoBayesianInference, transformer.py. Where we differ: the learned token;
    rows asked for do not look at themselves, beyond what a layer passes on; two layers embed a
    row's columns, where the authors have one; norms come first.
    """

    Config = InContextConfig

    def __init__(self, config: InContextConfig) -> None:
        super().__init__()
        width = config.width
        self.distribution = Riemann(config.bins, config.scale)
        self.spec = EncoderSpec(
            modality="problem",
            width=width,
            tokens="dense",
            layers=config.depth,
            positions=False,
            own_target=partial(Riemann, config.bins, config.scale),
            preprocessing=config.inputs,
        )
        self.scale = config.scale
        self.columns = nn.Sequential(
            nn.Linear(config.inputs, width), nn.GELU(), nn.Linear(width, width)
        )
        self.label = nn.Linear(1, width)
        self.unknown = nn.Parameter(torch.zeros(width))
        self.start = nn.Parameter(torch.randn(width) * width**-0.5)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, config.heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, config.bins)
        )

    def tokenize(self, value: Problems) -> Tokens:
        """One token a row: its columns, and its label where that is known."""
        inputs, labels = value.inputs, value.labels
        if inputs.shape[2] != self.spec.preprocessing:
            raise ValueError(
                f"problem: wanted rows of {self.spec.preprocessing} columns; got {inputs.shape[2]}"
            )
        known = ~labels.isnan()
        columns = self.columns(inputs.to(self.unknown.dtype))
        scaled = (labels.nan_to_num(0.0) / self.scale).to(columns.dtype)
        label = torch.where(known[..., None], self.label(scaled[..., None]), self.unknown)
        return Tokens(values=columns + label, relations=known)

    def forward(
        self, value: Problems | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Let every row look at those whose labels are known; masks are refused."""
        self.check_mask(mask)
        self.check_taps(taps)
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        start = self.start.to(tokens.values.dtype).expand(len(tokens.values), 1, -1)
        mixed = torch.cat([start, tokens.values], dim=1)
        unseen = nn.functional.pad(~tokens.relations, (1, 0))
        layers: dict[int, Tensor] = {}
        for number, block in enumerate(self.blocks, start=1):
            mixed = block(mixed, src_key_padding_mask=unseen)
            if number in taps:
                layers[number] = mixed[:, 1:]
        mixed = self.norm(mixed)
        return Encoding(
            pooled=mixed[:, 0], tokens=mixed[:, 1:], layers=layers, registers=mixed[:, :1]
        )

    def scores(self, encoding: Encoding) -> Float[Tensor, "problems rows bins"]:
        """One score a bin for the label of every row, for `distribution`."""
        assert encoding.tokens is not None, "it has tokens"
        found: Tensor = self.head(encoding.tokens)
        return found

    @torch.no_grad()
    def answer(self, value: Problems) -> Answer:
        """What is to be expected of every label, given those that are known."""
        scores = self.scores(self(value))
        found = self.distribution
        return Answer(mean=found.mean(scores), deviation=found.deviation(scores))
