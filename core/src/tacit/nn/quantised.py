"""Targets that are codes learnt along with the encoder: wav2vec 2.0's product quantiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tacit.contract import Context, EncoderSpec, Requirements, View
from tacit.functional import code_diversity
from tacit.functional.precision import full
from tacit.nn.target import Target


@dataclass(frozen=True, kw_only=True)
class QuantisedTarget:
    """Each token before it is mixed, as one code of each of some codebooks; both sides learn.

    Only for a contrast. What is quantised are `Tokens.latents` where the encoder has them, and
    embedded tokens else.

    Args:
        groups: codebooks, one code of each for every token.
        codes: entries of a codebook; the paper has 320.
        width: features of the codes of all groups side by side, a multiple of `groups`; 256.
        out: features they are mapped to, in which predictions are compared with them; 256.
        temperature: of the Gumbel noise, above 0; a schedule `target.temperature` moves it. The
            paper's goes from 2 to 0.5.
        diversity: weight of the loss that keeps codes in use.

    Raises:
        ValueError: numbers out of range, or groups that do not divide the width.

    """

    kind: ClassVar[str] = "quantised"
    needs: ClassVar[Requirements] = Requirements(capabilities=frozenset({"tokens"}))
    groups: int = 2
    codes: int = 320
    width: int = 256
    out: int = 256
    temperature: float = 2.0
    diversity: float = 0.1

    def __post_init__(self) -> None:
        if min(self.groups, self.out) < 1 or self.codes < 2 or self.width % self.groups:
            raise ValueError(
                "target: wanted at least 1 group and out, 2 codes, and a width the groups divide; "
                f"got {self.groups}, {self.out}, {self.codes} and {self.width}"
            )
        if self.temperature <= 0 or self.diversity < 0:
            raise ValueError(
                "target: wanted a temperature above 0 and a diversity of at least 0; got "
                f"{self.temperature} and {self.diversity}"
            )


class Quantised(Target):
    """A product quantiser: hard codes, through whose choice a soft one's gradient passes.

    In training a code is drawn by its probability, with Gumbel noise; in evaluation it is the
    likeliest.

    Source: Baevski et al. 2020 (arXiv 2006.11477) section 2 and appendix B; Jang et al. 2017 (arXiv
    1611.01144); equal to transformers' `Wav2Vec2GumbelVectorQuantizer` and `project_q` given the
    same noise, see the tests. Differs: diversity is that of probabilities in evaluation too.
    """

    def __init__(self, config: QuantisedTarget, spec: EncoderSpec) -> None:
        super().__init__()
        self.config, self.width = config, config.out
        features = spec.latent_width or spec.width
        self.score = nn.Linear(features, config.groups * config.codes)
        self.codebook = nn.Parameter(
            torch.rand(config.groups, config.codes, config.width // config.groups)
        )
        self.project = nn.Linear(config.width, config.out)
        nn.init.normal_(self.score.weight)
        nn.init.zeros_(self.score.bias)
        self._scores: Tensor | None = None
        self._chosen: Tensor | None = None
        self._metrics: dict[str, Tensor] = {}

    def forward(self, view: View, ctx: Context) -> Float[Tensor, "*tokens width"]:
        """The codes of every token, mapped to where they are compared."""
        tokens = ctx.tokenize(view)
        latents = tokens.values if tokens.latents is None else tokens.latents
        scores = full(self.score(latents)).unflatten(-1, (self.config.groups, -1))
        temperature = ctx.value("target.temperature", self.config.temperature)
        choice = self._choice(scores, temperature, ctx.generator)
        self._scores, self._chosen = scores, choice.detach().argmax(-1)
        codes = torch.einsum("...gc,gcw->...gw", choice, self.codebook.to(choice.dtype))
        quantised: Tensor = self.project(codes.flatten(-2).to(latents.dtype))
        return quantised

    def alike(self) -> Int[Tensor, "*tokens"]:
        """One number for every combination of codes."""
        assert self._chosen is not None, "a target is asked for before what is alike in it"
        places = self.config.codes ** torch.arange(self.config.groups, device=self._chosen.device)
        return (self._chosen * places).sum(-1)

    def penalties(self, hidden: Bool[Tensor, "*tokens"]) -> dict[str, Float[Tensor, ""]]:
        """How few of the codes are used for the tokens asked for."""
        assert self._scores is not None, "a target is asked for before its penalties"
        found = code_diversity(self._scores, hidden)
        self._metrics = {"code_perplexity": found.perplexity}
        return {"diversity": self.config.diversity * found.loss} if self.config.diversity else {}

    def metrics(self) -> dict[str, Float[Tensor, ""]]:
        """Codes in use, of all groups together."""
        return self._metrics

    def settle(self) -> None:
        """Let go of the last step."""
        self._scores = self._chosen = None

    def _choice(
        self,
        scores: Float[Tensor, "*tokens groups codes"],
        temperature: float,
        generator: torch.Generator,
    ) -> Float[Tensor, "*tokens groups codes"]:
        """One of each group, as a vector of zeros and a 1."""
        if not self.training:
            return _likeliest(scores)
        noise = torch.empty_like(scores).exponential_(generator=generator).log()
        soft = ((scores - noise) / temperature).softmax(-1)
        return _likeliest(soft) - soft.detach() + soft


def _likeliest(
    scores: Float[Tensor, "*tokens groups codes"],
) -> Float[Tensor, "*tokens groups codes"]:
    """A 1 for the best of each group; torch's `one_hot` would wait for the device."""
    return torch.zeros_like(scores).scatter(-1, scores.argmax(-1, keepdim=True), 1.0)
