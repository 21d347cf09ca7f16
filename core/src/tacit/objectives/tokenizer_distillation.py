"""Learning to tokenize: codes from which what a teacher makes of every token can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from tacit.contract import (
    Batch,
    Context,
    DataInfo,
    EncoderSpec,
    Encoding,
    Losses,
    Mask,
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import masked_mean_squared_error, scaled_cosine_error
from tacit.nn import TransformerDecoder, build_decoder, k_means
from tacit.nn.k_means import spread_out
from tacit.nn.row_sample import sampled_rows
from tacit.nn.tokenizer import Tokenizer
from tacit.objectives.instances import counted


@dataclass(frozen=True, kw_only=True)
class TokenizerDistillationConfig:
    """Settings of learning to tokenize.

    Args:
        teacher: whose tokens are told from the codes.
        codes: entries of the codebook; the paper has 1024.
        width: features of an entry; the paper has 256.
        decay: share of an entry that is kept at each step in which it was used, in [0, 1).
        commitment: weight of the mean squared difference of tokens from their entries.
        decoder: from codes to the teacher's tokens; the paper has 3 blocks.
        tokens: of each instance that the first entries are clusters of.
        most: tokens they are clusters of, drawn at random where the data have more.
        seed: of the first clusters.

    Raises:
        ValueError: numbers out of range.
    """

    teacher: str = "before"
    codes: int = 256
    width: int = 64
    decay: float = 0.99
    commitment: float = 1.0
    decoder: TransformerDecoder = TransformerDecoder()
    tokens: int = 4
    most: int = 1 << 18
    seed: int = 0

    def __post_init__(self) -> None:
        if self.codes < 2 or min(self.width, self.tokens) < 1:
            raise ValueError(
                "tokenizer: wanted at least 2 codes, and a width and tokens of at least 1; got "
                f"{self.codes}, {self.width} and {self.tokens}"
            )
        if self.most < self.codes:
            raise ValueError(f"most: wanted at least {self.codes}, the codes; got {self.most}")
        if not 0 <= self.decay < 1 or self.commitment < 0:
            raise ValueError(
                "tokenizer: wanted a decay of at least 0, less than 1, and a commitment of at "
                f"least 0; got {self.decay} and {self.commitment}"
            )


class TokenizerDistillation(Objective):
    """An encoder's tokens become codes; a decoder tells a teacher's tokens from the codes alone.

    What is trained is a tokenizer: the encoder, a small head and the codebook. The stage after it
    predicts its codes, see `tacit.nn.tokenizer.TaughtCodesTarget`.

    Source: Chen et al. 2023 (arXiv 2212.09058), BEATs, section 3.2, eq. 3; microsoft/unilm, beats.
    Differs: the first entries are clusters of tokens of the whole data set, and not of a batch;
        distances are means over features, as in the code, where the equation sums them: of the
        sum one code for all tokens is soon the least loss.
    """

    Config = TokenizerDistillationConfig
    left_parts = ("tokenizer",)

    def __init__(self, config: TokenizerDistillationConfig | None = None) -> None:
        super().__init__()
        self.config = config or TokenizerDistillationConfig()
        self.tokenizer, self.decoder = nn.ModuleDict(), nn.ModuleDict()
        self.requires = Requirements(
            capabilities=frozenset({"tokens", "tokens:dense"}),
            teachers=frozenset({self.config.teacher}),
            instances=True,
        )

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A tokenizer and a decoder for each modality."""
        own = self.config
        for name, spec in specs.items():
            self.tokenizer[name] = Tokenizer(
                spec.width, codes=own.codes, width=own.width, decay=own.decay
            )
            self.decoder[name] = build_decoder(
                own.decoder, replace(spec, width=own.width), spec.width
            )

    def before_epoch(self, ctx: Context) -> None:
        """Before the first: entries that are clusters of what there is.

        Raises:
            ValueError: fewer tokens than codes.
        """
        for name in self.tokenizer:
            tokenizer = self.tokenizer_of(name)
            if bool(tokenizer.made):
                continue
            rows = sampled_rows(
                ctx,
                name,
                lambda batch, name=name: self._some(name, batch, ctx),  # type: ignore[misc]
                most=self.config.most,
                seed=self.config.seed,
            )
            tokenizer.begin(k_means(rows, self.config.codes, seed=self.config.seed))

    def forward(self, views: Views, ctx: Context) -> Losses:
        """How far the decoder is off, and how far tokens are from their entries."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            found = [self._view(name, view, ctx) for view in views.of(name)]
            for key in found[0]:
                value = torch.stack([each[key] for each in found]).mean()
                (metrics if key == "code_perplexity" else terms)[f"{key}{suffix}"] = value
        return Losses(terms=terms, metrics=metrics)

    def after_step(self, ctx: Context) -> None:
        """The entries follow."""
        for name in self.tokenizer:
            self.tokenizer_of(name).settle()

    def tokenizer_of(self, name: str) -> Tokenizer:
        """The tokenizer of a modality."""
        tokenizer = self.tokenizer[name]
        assert isinstance(tokenizer, Tokenizer)
        return tokenizer

    def _view(self, name: str, view: View, ctx: Context) -> dict[str, Tensor]:
        tokenizer, encoding = self.tokenizer_of(name), ctx.encode(view)
        wanted = ctx.encode(view, which=self.config.teacher).tokens
        assert encoding.tokens is not None, "requirements ask for tokens"
        assert wanted is not None, "so has the teacher's"
        everything = torch.ones(wanted.shape[:2], dtype=torch.bool, device=wanted.device)
        counts = counted(view, encoding, everything)
        directions = tokenizer.directions(encoding.tokens)
        codes = tokenizer.nearest(directions)
        entries = tokenizer.centres.to(directions.dtype)[codes]
        passed = directions + (entries - directions).detach()
        told = self.decoder[name](replace_tokens(encoding, passed), Mask(~everything, "replace"))
        distance = masked_mean_squared_error(directions, entries, counts)
        return {
            "distillation": scaled_cosine_error(told, wanted, counts, gamma=1.0),
            "commitment": self.config.commitment * distance,
            "code_perplexity": tokenizer.observe(directions.detach(), codes, counts),
        }

    def _some(
        self, name: str, batch: Batch, ctx: Context
    ) -> tuple[Float[Tensor, "rows width"], Bool[Tensor, "instances number"]]:
        """Directions of some tokens of each instance, see `spread_out`."""
        encoding = ctx.encode(View(value=batch.values[name], modality=name))
        assert encoding.tokens is not None, "requirements ask for tokens"
        directions = self.tokenizer_of(name).directions(encoding.tokens)
        return spread_out(directions, encoding.valid, batch.index, self.config.tokens)


def replace_tokens(encoding: Encoding, tokens: Tensor) -> Encoding:
    """The same places with other content, and nothing beside them."""
    return Encoding(pooled=tokens.mean(1), tokens=tokens, valid=encoding.valid)
