"""Masked prediction: what the encoder sees, where gradients go, on every form of tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from tests.core.objectives.setting import (
    BATCH,
    MAE,
    MASKED,
    SIMMIM,
    Setting,
    make,
    masked_views,
    values,
)
from tests.core.toys import CONTENT, SIZE, PackedEncoder, PoolEncoder, TokenEncoder, ToyContext
from torch import Tensor, nn

from tacit.contract import (
    Composition,
    DataInfo,
    Encoder,
    EncoderSpec,
    Encoding,
    Mask,
    Tokens,
    View,
    Views,
    unmet,
)
from tacit.functional import normalise_tokens
from tacit.nn import (
    InputTarget,
    LinearDecoder,
    MeanAbsolute,
    MeanSquared,
    RandomMask,
    SmoothAbsolute,
    TokenLoss,
)
from tacit.objectives import MaskedPrediction, MaskedPredictionConfig

masked = pytest.mark.parametrize("name", MASKED)


def watch(setting: Setting) -> tuple[list[Tensor], list[Mask]]:
    """The decoder's predictions and the masks it was told of, as they come."""
    predictions: list[Tensor] = []
    masks: list[Mask] = []

    def note(module: nn.Module, inputs: tuple[Encoding, Mask], answer: Tensor) -> None:
        answer.retain_grad()
        predictions.append(answer)
        masks.append(inputs[1])

    decoder = setting.head("decoder")
    decoder.register_forward_hook(note)
    return predictions, masks


def single(encoder: Encoder, config: MaskedPredictionConfig) -> Setting:
    objective = MaskedPrediction(config)
    objective.build({"signal": encoder.spec}, DataInfo())
    return Setting(objective, nn.ModuleDict({"signal": encoder}), {})


@masked
def test_visible_tokens_are_not_predicted_or_get_exactly_no_gradient(name: str) -> None:
    setting = make(name)
    predictions, masks = watch(setting)
    setting.losses(masked_views()).total().backward()
    (prediction,), (mask,) = predictions, masks
    assert prediction.grad is not None
    moved = prediction.grad.abs().sum(-1) > 0
    if name in ("mae", "wav2vec2"):  # a decoder that mixes, a loss that compares, want all
        assert torch.equal(moved, mask.hidden)
    else:
        assert moved.all()
        assert prediction.shape[1] == mask.hidden_per_row


def test_mae_lets_the_encoder_see_exactly_a_quarter_of_the_tokens() -> None:
    setting = make("mae")
    setting.losses(masked_views())
    entered = setting.encoders["signal"].entered
    assert isinstance(entered, Tensor)
    assert entered.shape[1] == SIZE // 4


def test_mae_hides_the_content_of_hidden_tokens_from_its_predictions() -> None:
    setting = make("mae")
    mask = RandomMask()(BATCH, (4, 4), mode="drop", generator=torch.Generator().manual_seed(0))
    plain = masked_views(mask=mask)
    other = [replace(v, value=v.value.where(~mask.hidden[..., None], 5.0)) for v in plain]
    predictions, _ = watch(setting)
    setting.losses(plain)
    setting.losses(Views(other))
    assert torch.equal(*predictions)


def test_simmim_replaces_whole_cells_by_the_learned_token() -> None:
    setting = make("simmim")
    predictions, masks = watch(setting)
    setting.losses(masked_views())
    (mask,) = masks
    encoder = setting.encoders["signal"]
    assert isinstance(encoder, TokenEncoder)
    assert encoder.entered is not None
    content = encoder.entered - encoder.positions
    replaced = (content - encoder.mask_token).abs().amax(-1) < 1e-6
    assert torch.equal(replaced, mask.hidden)
    assert (mask.hidden.sum(1) == 12).all()  # 0.6 of 4 cells, rounded up, of 4 tokens each
    assert predictions[0].shape == (BATCH, 12, CONTENT)


@pytest.mark.parametrize(
    ("loss", "distance"),
    [
        (MeanSquared(), lambda d: d.square()),
        (MeanAbsolute(), lambda d: d.abs()),
        (SmoothAbsolute(), lambda d: torch.where(d.abs() < 1, d.square() / 2, d.abs() - 0.5)),
    ],
)
@pytest.mark.parametrize("normalise", [True, False])
def test_the_loss_is_the_mean_distance_over_hidden_tokens(
    loss: TokenLoss, distance: Callable[[Tensor], Tensor], normalise: bool
) -> None:
    setting = single(
        TokenEncoder(), replace(MAE, loss=loss, target=InputTarget(normalise=normalise))
    )
    predictions, masks = watch(setting)
    total = setting.losses(masked_views()).total()
    target = normalise_tokens(values()) if normalise else values()
    wanted = distance(predictions[0] - target)[masks[0].hidden].mean()
    torch.testing.assert_close(total, wanted)


@masked
def test_every_parameter_that_is_used_gets_a_gradient(name: str) -> None:
    setting = make(name)
    setting.losses(masked_views()).total().backward()
    without = {n for n, p in setting.encoders.named_parameters() if p.grad is None}
    assert without == ({"signal.mask_token"} if name == "mae" else set())
    assert all(p.grad is not None for p in setting.objective.parameters())


@masked
def test_the_generator_alone_decides_the_masks(name: str) -> None:
    def total(seed: int) -> float:
        torch.manual_seed(seed + 5)
        return make(name).losses(masked_views(), seed=seed).total().item()

    assert total(1) == total(1)
    assert total(1) != total(2)


@masked
def test_masks_that_views_bring_are_kept(name: str) -> None:
    setting = make(name)
    mode = setting.objective.config.mode
    sampler, generator = RandomMask(ratio=0.5), torch.Generator().manual_seed(3)
    mask = sampler(BATCH, (4, 4), mode=mode, generator=generator)  # type: ignore[arg-type]
    _, masks = watch(setting)
    setting.losses(masked_views(mask=mask))
    assert masks == [mask]
    other = Mask(mask.hidden, "drop" if mode == "replace" else "replace", mask.hidden_per_row)
    with pytest.raises(ValueError, match=f"bring masks of mode '{other.mode}'"):
        setting.losses(masked_views(mask=other))


@masked
def test_the_loss_falls(name: str) -> None:
    setting = make(name)
    optimizer = torch.optim.AdamW(setting.trained(), lr=1e-2)
    first = setting.losses(masked_views(64)).total().item()
    for step in range(60):
        loss = setting.losses(masked_views(64, seed=step + 1), seed=step + 1).total()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert setting.losses(masked_views(64)).total().item() < 0.9 * first


@masked
def test_half_precision_keeps_targets_and_loss_in_full(name: str) -> None:
    exact = make(name).losses(masked_views()).total()
    setting = make(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total = setting.losses(masked_views()).total()
    total.backward()
    assert total.dtype == torch.float32
    torch.testing.assert_close(total, exact, rtol=0.02, atol=0.02)


@masked
def test_a_batch_of_one_trains(name: str) -> None:
    total = make(name).losses(masked_views(1)).total()
    assert total.isfinite()


@masked
def test_only_instances_that_count_and_are_there_count(name: str) -> None:
    (view,) = masked_views()
    rows, present = torch.tensor([0, 3, 5]), torch.arange(BATCH) != 3
    counts = torch.tensor([0, 5])
    setting = make(name)
    generator = torch.Generator().manual_seed(0)
    mode = setting.objective.config.mode
    mask = RandomMask()(BATCH, (4, 4), mode=mode, generator=generator)  # type: ignore[arg-type]
    whole = setting.losses(Views([replace(view, mask=mask, rows=rows, present=present)]))
    few = Mask(mask.hidden[counts], mask.mode, mask.hidden_per_row)
    alone = setting.losses(Views([replace(view, value=view.value[counts], mask=few)]))
    torch.testing.assert_close(whole.total(), alone.total())


class Ragged(TokenEncoder):
    """Rows of different lengths: what is 9 everywhere is padding."""

    def tokenize(self, value: Tensor) -> Tokens:
        return Tokens(values=self.embed(value), valid=(value != 9.0).all(-1))


@pytest.mark.parametrize("decoder", [MAE.decoder, LinearDecoder()])
def test_padding_of_ragged_rows_is_never_asked_for(decoder: LinearDecoder) -> None:
    config = replace(SIMMIM, mask=RandomMask(ratio=0.5), decoder=decoder)
    setting = single(Ragged(grid=None), config)
    predictions, masks = watch(setting)
    value = values()
    value[2, 10:] = 9.0
    setting.losses(Views([View(value=value, modality="signal")])).total().backward()
    assert masks[0].hidden[2].sum() == 5
    assert predictions[0].grad is not None
    assert not predictions[0].grad[2, 10:].any()


def test_dropping_needs_no_grid_where_rows_are_equally_long() -> None:
    setting = single(TokenEncoder(grid=None), MAE)
    assert setting.losses(masked_views()).total().isfinite()


def test_packed_tokens_are_replaced_and_predicted_one_by_one() -> None:
    setting = single(PackedEncoder(), replace(SIMMIM, mask=RandomMask(ratio=0.3)))
    predictions, masks = watch(setting)
    view = View(value=values()[0], modality="signal", rows=torch.arange(8))
    setting.losses(Views([view])).total().backward()
    assert masks[0].hidden.sum() == 5
    assert predictions[0].grad is not None
    moved = predictions[0].grad.abs().sum(-1) > 0
    assert torch.equal(moved, masks[0].hidden & (torch.arange(SIZE) < 8))


def test_what_the_config_needs_of_an_encoder_is_declared() -> None:
    def problems(config: MaskedPredictionConfig, spec: EncoderSpec) -> list[str]:
        offered = Composition(specs={"signal": spec}, roles={"signal": ("view",)}, meta={})
        return unmet(MaskedPrediction(config).requires, offered)

    packed = PackedEncoder().spec
    assert not problems(MAE, TokenEncoder().spec)
    assert not problems(SIMMIM, packed)
    assert "mask:drop, tokens:dense" in problems(MAE, packed)[0]
    assert "mask:replace, targets, tokens" in problems(SIMMIM, PoolEncoder().spec)[0]


def test_what_cannot_work_is_refused_when_it_is_built() -> None:
    def build(config: MaskedPredictionConfig, **changes: object) -> None:
        spec = replace(TokenEncoder().spec, **changes)  # type: ignore[arg-type]
        MaskedPrediction(config).build({"signal": spec}, DataInfo())

    with pytest.raises(ValueError, match="divides the grid, 5 x 3; got 2"):
        build(replace(MAE, mask=RandomMask(block=2)), grid=(5, 3))
    with pytest.raises(ValueError, match="codes, of a vocabulary of 11"):
        build(MAE, target_width=None, vocabulary=11)
    with pytest.raises(ValueError, match=r"set target\.normalise=false"):
        build(MAE, target_width=1)
    with pytest.raises(ValueError, match="mode='replace'"):
        replace(MAE, decoder=LinearDecoder())


def test_several_modalities_have_decoders_and_terms_of_their_own() -> None:
    setting = make("mae", modalities=("signal", "other"))
    (view,) = masked_views()
    losses = setting.losses(Views([view, replace(view, modality="other")]))
    assert set(losses.terms) == {"reconstruction/signal", "reconstruction/other"}
    assert isinstance(setting.context(), ToyContext)
