"""Every declared mask mode is true, for our transformer and for timm's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from tacit.contract import Encoder, Mask
from tacit_vision.encoders import Timm, TimmConfig, ViT, ViTConfig

BATCH, TOKENS, HIDDEN, PATCH = 3, 16, 10, 4


def vit(pool: str) -> Encoder:
    return ViT(ViTConfig(size=16, patch=PATCH, width=32, depth=2, heads=2, pool=pool))  # type: ignore[arg-type]


def timm_vit() -> Encoder:
    return Timm(TimmConfig(model="test_vit", size=64))


MAKERS: dict[str, Callable[[], Encoder]] = {
    "vit-mean": lambda: vit("mean"),
    "vit-class": lambda: vit("class"),
    "timm": timm_vit,
}


@pytest.fixture(params=MAKERS)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return MAKERS[request.param]().eval()


def images_for(encoder: Encoder) -> torch.Tensor:
    height, width = encoder.spec.preprocessing.size  # type: ignore[attr-defined]
    return torch.rand(BATCH, 3, height, width)


def random_mask(mode: str) -> Mask:
    hidden = torch.rand(BATCH, TOKENS).argsort(dim=1) < HIDDEN
    return Mask(hidden, mode, HIDDEN)  # type: ignore[arg-type]


def change_hidden(images: torch.Tensor, mask: Mask) -> torch.Tensor:
    side = images.shape[-1] // 4
    covered = mask.hidden.reshape(-1, 1, 4, 4).repeat_interleave(side, 2)
    return torch.where(covered.repeat_interleave(side, 3), torch.rand_like(images), images)


def test_tokens_lie_on_the_declared_grid(encoder: Encoder) -> None:
    answer = encoder(images_for(encoder))
    assert encoder.spec.grid == (4, 4)
    assert answer.tokens.shape == (BATCH, TOKENS, encoder.spec.width)
    assert answer.pooled.shape == (BATCH, encoder.spec.width)
    assert answer.kept is None


def test_tokens_made_apart_give_the_same_encoding(encoder: Encoder) -> None:
    images = images_for(encoder)
    whole, stepwise = encoder(images), encoder(encoder.tokenize(images))
    assert torch.equal(whole.tokens, stepwise.tokens)
    assert torch.equal(whole.pooled, stepwise.pooled)


@pytest.mark.parametrize("mode", ["drop", "replace"])
def test_hidden_content_changes_nothing(encoder: Encoder, mode: str) -> None:
    images, mask = images_for(encoder), random_mask(mode)
    before = encoder(images, mask=mask, taps=(1,))
    after = encoder(change_hidden(images, mask), mask=mask, taps=(1,))
    assert torch.equal(before.tokens, after.tokens)
    assert torch.equal(before.pooled, after.pooled)
    assert torch.equal(before.layers[1], after.layers[1])


@pytest.mark.parametrize("mode", ["drop", "replace"])
def test_visible_content_changes_the_answer(encoder: Encoder, mode: str) -> None:
    images, mask = images_for(encoder), random_mask(mode)
    visible = replace(mask, hidden=~mask.hidden, hidden_per_row=TOKENS - HIDDEN)
    before = encoder(images, mask=mask)
    after = encoder(change_hidden(images, visible), mask=mask)
    assert not torch.allclose(before.pooled, after.pooled)


def test_drop_returns_the_visible_tokens_and_where_they_were(encoder: Encoder) -> None:
    mask = random_mask("drop")
    answer = encoder(images_for(encoder), mask=mask, taps=(2,))
    assert answer.tokens.shape == answer.layers[2].shape == (BATCH, 6, encoder.spec.width)
    for row in range(BATCH):
        assert answer.kept[row].tolist() == [
            place for place in range(TOKENS) if not mask.hidden[row, place]
        ]


def test_dropped_tokens_keep_their_positions(encoder: Encoder) -> None:
    """Hiding nothing gives the plain answer: a kept token carries its own place."""
    images = images_for(encoder)
    nothing = Mask(torch.zeros(BATCH, TOKENS, dtype=torch.bool), "drop", 0)
    torch.testing.assert_close(encoder(images, mask=nothing).tokens, encoder(images).tokens)


def test_replace_puts_the_mask_token_where_a_patch_was(encoder: Encoder) -> None:
    images, mask = images_for(encoder), random_mask("replace")
    tokens = encoder.tokenize(images)
    values = torch.where(mask.hidden[..., None], encoder.mask_token, tokens.values)  # type: ignore[arg-type]
    by_hand = encoder(replace(tokens, values=values))
    assert torch.equal(encoder(images, mask=mask).tokens, by_hand.tokens)


def test_the_mask_token_learns_under_replace_alone(encoder: Encoder) -> None:
    assert isinstance(encoder, (ViT, Timm))
    assert encoder.mask_token is not None
    images = images_for(encoder)
    encoder(images, mask=random_mask("drop")).pooled.sum().backward()
    assert encoder.mask_token.grad is None
    encoder(images, mask=random_mask("replace")).tokens.square().sum().backward()
    assert encoder.mask_token.grad is not None
    assert encoder.mask_token.grad.abs().sum() > 0


@pytest.mark.parametrize("pool", ["mean", "class"])
def test_query_changes_only_the_hidden_tokens_own_outputs(pool: str) -> None:
    encoder, mask = vit(pool).eval(), random_mask("query")
    images = images_for(encoder)
    before, after = (
        encoder(value, mask=mask, taps=(1,)) for value in (images, change_hidden(images, mask))
    )
    visible = ~mask.hidden
    assert torch.equal(before.tokens[visible], after.tokens[visible])
    assert torch.equal(before.layers[1][visible], after.layers[1][visible])
    assert torch.equal(before.pooled, after.pooled)
    changed = (before.tokens - after.tokens).abs().sum(dim=-1) > 0
    assert torch.equal(changed, mask.hidden)


@pytest.mark.parametrize("pool", ["mean", "class"])
def test_query_and_drop_agree_on_what_is_visible(pool: str) -> None:
    encoder, mask = vit(pool).eval(), random_mask("query")
    images = images_for(encoder)
    query, drop = encoder(images, mask=mask), encoder(images, mask=replace(mask, mode="drop"))
    looked_at = query.tokens[~mask.hidden].reshape(drop.tokens.shape)
    torch.testing.assert_close(looked_at, drop.tokens)
    torch.testing.assert_close(query.pooled, drop.pooled)


def test_a_hidden_token_looks_at_visible_ones_and_not_at_other_hidden_ones() -> None:
    encoder, mask = vit("mean").eval(), random_mask("query")
    images = images_for(encoder).requires_grad_()
    row, place = 0, int(mask.hidden[0].nonzero()[0])
    answer = encoder(images, mask=mask).tokens[row, place].square().sum()
    (gradient,) = torch.autograd.grad(answer, images)
    seen = torch.nn.functional.max_pool2d(gradient.abs().sum(dim=1), PATCH)[row].flatten() > 0
    expected = ~mask.hidden[row]
    expected[place] = True
    assert torch.equal(seen, expected)


def test_without_positions_permuted_tokens_give_permuted_answers() -> None:
    """What position prediction needs: the encoder cannot know where a token was."""
    config = ViTConfig(size=16, patch=PATCH, width=32, depth=2, heads=2, positions="none")
    encoder, mask = ViT(config).eval(), random_mask("query")
    tokens, order = encoder.tokenize(torch.rand(BATCH, 3, 16, 16)), torch.randperm(TOKENS)
    shuffled = replace(tokens, values=tokens.values[:, order])
    answer = encoder(tokens, mask=mask).tokens[:, order]
    permuted = encoder(shuffled, mask=replace(mask, hidden=mask.hidden[:, order])).tokens
    torch.testing.assert_close(answer, permuted)


def test_a_mode_that_is_not_declared_is_refused() -> None:
    encoder = timm_vit()
    with pytest.raises(ValueError, match="supports mask modes: drop, replace; got 'query'"):
        encoder(images_for(encoder), mask=random_mask("query"))


def test_a_mask_of_another_grid_is_refused(encoder: Encoder) -> None:
    mask = Mask(torch.zeros(BATCH, 9, dtype=torch.bool), "drop", 0)
    with pytest.raises(ValueError, match=r"\(batch, tokens\) = \(3, 16\); got \(3, 9\)"):
        encoder(images_for(encoder), mask=mask)


def test_hiding_everything_is_refused(encoder: Encoder) -> None:
    mask = Mask(torch.ones(BATCH, TOKENS, dtype=torch.bool), "drop", TOKENS)
    with pytest.raises(ValueError, match="leave one visible"):
        encoder(images_for(encoder), mask=mask)


def test_masks_work_on_views_of_another_size(encoder: Encoder) -> None:
    patch = images_for(encoder).shape[-1] // 4
    mask = Mask(torch.tensor([[True, False, False, True]] * BATCH), "drop", 2)
    answer = encoder(torch.rand(BATCH, 3, 2 * patch, 2 * patch), mask=mask)
    assert answer.kept.tolist() == [[1, 2]] * BATCH


def test_tokens_of_an_unknown_grid_are_refused(encoder: Encoder) -> None:
    tokens = encoder.tokenize(images_for(encoder))
    with pytest.raises(ValueError, match=r"wanted tokens made by tokenize, 4 x 4.*got 12 tokens"):
        encoder(replace(tokens, values=tokens.values[:, :12]))


def test_an_embedding_can_be_perturbed_between_the_steps(encoder: Encoder) -> None:
    tokens = encoder.tokenize(images_for(encoder))
    shift = torch.zeros_like(tokens.values, requires_grad=True)
    encoder(replace(tokens, values=tokens.values + shift)).pooled.square().sum().backward()
    assert shift.grad is not None
    assert shift.grad.abs().sum() > 0
