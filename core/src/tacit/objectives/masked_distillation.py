"""iBOT: a view is distilled into another, and hidden tokens into what the teacher makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Encoding,
    Losses,
    Mask,
    View,
    Views,
)
from tacit.functional import dino, masked_soft_cross_entropy
from tacit.nn import Centre, PrototypeHead, PrototypeHeadConfig, RandomMask
from tacit.objectives.instances import counted, paired
from tacit.objectives.joint_embedding import agreement
from tacit.objectives.self_distillation import (
    Dino,
    DinoConfig,
    assigned,
    by_role,
    encode,
    information,
)


@dataclass(frozen=True, kw_only=True)
class IbotConfig(DinoConfig):
    """Settings of iBOT; those of DINO hold for its views.

    Args:
        mask: the sampler for views that bring no mask. The paper hides blocks of 0.1 to 0.5 of the
            tokens in half of the views.
        shared_head: tokens and views use one head, as in the paper; else two of one shape, where
            the tokens' has layer norm in place of a batch norm, which takes no tokens.
        token_teacher_temperature: of the teacher's assignments of tokens; moved by a schedule of
            that name. The paper warms up from 0.04 to 0.07.
        token_weight: of the tokens' loss beside the views'.

    Raises:
        ValueError: a temperature that is not above 0, or a shared head with batch norm.
    """

    mask: RandomMask = RandomMask(ratio=0.3)
    shared_head: bool = True
    token_teacher_temperature: float = 0.04
    token_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.token_teacher_temperature <= 0:
            raise ValueError(
                f"token_teacher_temperature: wanted above 0; got {self.token_teacher_temperature}"
            )
        if self.shared_head and self.projector.trunk.norm == "batch":
            raise ValueError(
                "projector.trunk.norm: tokens take 'none' or 'layer'; got 'batch': set one of "
                "these, or shared_head=false"
            )

    @property
    def token_projector(self) -> PrototypeHeadConfig:
        """The shape of a head of the tokens' own."""
        trunk = self.projector.trunk
        norm = "layer" if trunk.norm == "batch" else trunk.norm
        return replace(self.projector, trunk=replace(trunk, norm=norm))


class Ibot(Dino):
    """DINO between masked views, and the teacher's assignment of each token the mask hides.

    The student sees every `global` view with tokens replaced, the teacher sees it whole. Views of
    other roles enter whole and count in the views' loss alone. Tokens may be dense, padded or
    packed.

    Source: Zhou et al. 2022 (arXiv 2111.07832) eq. 2 and 3; bytedance/ibot, main_ibot.py. Differs:
    every global view is masked, at one ratio; see `tacit.functional.masked_soft_cross_entropy`.
    """

    Config = IbotConfig

    def __init__(self, config: IbotConfig | None = None) -> None:
        own = config or IbotConfig()
        super().__init__(own)
        self.config: IbotConfig = own
        self.token_centre = nn.ModuleDict()
        self.token_projector = nn.ModuleDict()
        self.specs: dict[str, EncoderSpec] = {}
        if not own.shared_head:
            self.teacher_parts = (*self.teacher_parts, "token_projector")
        words = frozenset({"tokens", "mask:replace"})
        self.requires = replace(self.requires, capabilities=words)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """Heads and centres for each modality.

        Raises:
            ValueError: a grid the mask does not fit.
        """
        super().build(specs, data)
        config = self.config.projector
        for name, spec in specs.items():
            if spec.grid is not None:
                self.config.mask.check(spec.grid, "replace")
            self.specs[name] = spec
            self.token_centre[name] = Centre(config.prototypes, self.config.centre_momentum)
            if not self.config.shared_head:
                self.token_projector[name] = PrototypeHead(spec.width, self.config.token_projector)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The loss of the views and that of the hidden tokens, for each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            seen, others = by_role(views.of(name))
            whole = [ctx.encode(view, which="teacher") for view in seen]
            masks = [self._mask(*each, ctx) for each in zip(seen, whole, strict=True)]
            own = [ctx.encode(view, mask=mask) for view, mask in zip(seen, masks, strict=True)]
            students = self._embedded(name, seen, own, others, ctx)
            teachers = self._taught(name, seen, whole, ctx)
            terms[f"distillation{suffix}"] = self._views(name, students, teachers, ctx)
            tokens = [
                self._tokens(name, *each, ctx) for each in zip(seen, masks, own, whole, strict=True)
            ]
            terms[f"tokens{suffix}"] = self.config.token_weight * torch.stack(tokens).mean()
            found = agreement(students[0], students[1]) | information(teachers[0])
            metrics |= {f"{key}{suffix}": value for key, value in found.items()}
        return Losses(terms=terms, metrics=metrics)

    def after_step(self, ctx: Context) -> None:
        """Move the centres of views and of tokens."""
        super().after_step(ctx)
        for centre in self.token_centre.values():
            cast("Centre", centre).update()

    def _embedded(
        self,
        modality: str,
        seen: Sequence[View],
        own: Sequence[Encoding],
        others: Sequence[View],
        ctx: Context,
    ) -> list[Tensor]:
        """The bottlenecks of all views, the masked ones first."""
        pooled = paired(seen, own)
        if others:
            pooled += paired(others, encode(others, ctx))
        return [self.head(modality).embed(each) for each in pooled]

    @torch.no_grad()
    def _taught(
        self, modality: str, seen: Sequence[View], whole: Sequence[Encoding], ctx: Context
    ) -> list[Tensor]:
        head = ctx.part("projector", which="teacher").get_submodule(modality)
        return self.assign(modality, [head(pooled) for pooled in paired(seen, whole)], ctx)

    def _views(
        self, modality: str, students: Sequence[Tensor], teachers: Sequence[Tensor], ctx: Context
    ) -> Tensor:
        prototypes = self.head(modality).prototypes
        heads = [prototypes(each, frozen=self.frozen(ctx)) for each in students]
        return dino(heads, teachers, temperature=self.config.student_temperature)

    def _tokens(
        self,
        modality: str,
        view: View,
        mask: Mask,
        own: Encoding,
        whole: Encoding,
        ctx: Context,
    ) -> Tensor:
        """The cross-entropy of the hidden tokens of one view."""
        assert own.tokens is not None, "the encoder has tokens: it is required"
        assert whole.tokens is not None, "so has the teacher's"
        part = "projector" if self.config.shared_head else "token_projector"
        hidden = counted(view, own, mask.hidden)
        chosen = _hidden_only(mask)
        with torch.no_grad():
            head = ctx.part(part, which="teacher").get_submodule(modality)
            target = self._token_targets(modality, head(chosen(whole.tokens)), ctx)
        student = self.get_submodule(f"{part}.{modality}")
        scores = student(chosen(own.tokens), frozen=self.frozen(ctx))
        return masked_soft_cross_entropy(
            scores, target, chosen(hidden), temperature=self.config.student_temperature
        )

    def _token_targets(self, modality: str, scores: Tensor, ctx: Context) -> Tensor:
        temperature = ctx.value("token_teacher_temperature", self.config.token_teacher_temperature)
        centre = self.token_centre[modality] if self.config.centring else None
        (target,) = assigned([scores], cast("Centre | None", centre), temperature)
        return target

    def _mask(self, view: View, whole: Encoding, ctx: Context) -> Mask:
        """The view's own mask, or one drawn for the tokens the teacher's encoding has."""
        if view.mask is not None:
            if view.mask.mode != "replace":
                raise ValueError(
                    f"the {view.modality} views bring masks of mode {view.mask.mode!r}: wanted "
                    "'replace', for the teacher's tokens must stand where the student's do"
                )
            return view.mask
        assert whole.tokens is not None, "the encoder has tokens: it is required"
        sampler, generator = self.config.mask, ctx.generator
        if whole.owner is not None:
            return sampler.packed(whole.tokens.shape[0], mode="replace", generator=generator)
        rows, count = whole.tokens.shape[:2]
        grid = self.specs[view.modality].grid
        if grid is None or math.prod(grid) != count:  # rows of any length, or a smaller view
            grid = (count,)
        return sampler(rows, grid, mode="replace", generator=generator, valid=whole.valid)


def _hidden_only(mask: Mask) -> Callable[[Tensor], Tensor]:
    """Picks the hidden tokens where every row hides as many: the head then scores no others."""
    if mask.hidden_per_row is None or mask.hidden.ndim != 2:
        return lambda tokens: tokens
    index = mask.hidden_index()

    def pick(tokens: Tensor) -> Tensor:
        if tokens.ndim == 2:  # whether each counts
            return tokens.gather(1, index)
        return tokens.gather(1, index.unsqueeze(-1).expand(-1, -1, tokens.shape[2]))

    return pick
