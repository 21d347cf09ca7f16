"""Decoders put tokens back in their places and predict every one of them."""

from __future__ import annotations

import pytest
import torch

from tacit.contract import EncoderSpec, Encoding, Mask
from tacit.nn import (
    CosineDecoder,
    CrossEntropy,
    LinearDecoder,
    RandomMask,
    TransformerDecoder,
    build_decoder,
)
from tacit.nn.cosine_head import CosineHead
from tacit.nn.decoders import TransformerHead
from tacit.objectives import MaskedPredictionConfig

CONFIG = TransformerDecoder(width=16, depth=2, heads=2)


def spec(grid: tuple[int, ...] | None = (3, 4), **others: object) -> EncoderSpec:
    modes = frozenset({"drop", "replace"})
    settings = {"modality": "signal", "width": 6, "tokens": "dense", "mask_modes": modes}
    return EncoderSpec(**{**settings, "grid": grid, **others})  # type: ignore[arg-type]


def drop(batch: int = 5, grid: tuple[int, ...] = (3, 4), seed: int = 0) -> Mask:
    generator = torch.Generator().manual_seed(seed)
    return RandomMask(ratio=0.5)(batch, grid, mode="drop", generator=generator)


def encode(tokens: torch.Tensor, mask: Mask) -> Encoding:
    kept = mask.visible_index()
    seen = tokens.gather(1, kept[..., None].expand(-1, -1, tokens.shape[2]))
    return Encoding(pooled=seen.mean(1), tokens=seen, kept=kept)


def test_a_cosine_decoder_scores_codes_by_direction_alone() -> None:
    decoder = build_decoder(CosineDecoder(width=5, temperature=0.1), spec(), 7)
    assert isinstance(decoder, CosineHead)
    tokens = torch.randn(2, 12, 6)
    mask = Mask(torch.rand(2, 12) < 0.5, "replace")
    scores = decoder(Encoding(pooled=tokens.mean(1), tokens=tokens), mask)
    projected = decoder.project(tokens)[:, :, None]
    wanted = torch.cosine_similarity(projected, decoder.codes, dim=-1) / 0.1
    torch.testing.assert_close(scores, wanted)
    with pytest.raises(ValueError, match="cannot predict dropped tokens"):
        decoder(encode(tokens, drop(2)), drop(2))


def test_a_cosine_decoder_is_for_codes_and_for_tokens_that_stay() -> None:
    with pytest.raises(ValueError, match="scores codes"):
        MaskedPredictionConfig(mode="replace", decoder=CosineDecoder())
    with pytest.raises(ValueError, match="a cosine one cannot predict tokens that were dropped"):
        MaskedPredictionConfig(mode="drop", decoder=CosineDecoder(), loss=CrossEntropy())
    with pytest.raises(ValueError, match="temperature above 0"):
        CosineDecoder(temperature=0.0)


def test_dropped_tokens_come_back_in_their_places() -> None:
    decoder = build_decoder(CONFIG, spec(), 7)
    assert isinstance(decoder, TransformerHead)
    mask, tokens = drop(), torch.randn(5, 12, 6)
    encoding = encode(tokens, mask)
    assert encoding.tokens is not None
    filled = decoder.fill(decoder.embed(encoding.tokens), encoding, mask)
    wanted = torch.where(mask.hidden[..., None], decoder.mask_token, decoder.embed(tokens))
    torch.testing.assert_close(filled, wanted)
    assert decoder(encoding, mask).shape == (5, 12, 7)


def test_hidden_tokens_are_told_apart_by_their_positions_alone() -> None:
    decoder = build_decoder(CONFIG, spec(), 7).eval()
    mask = drop(batch=1)
    answer = decoder(encode(torch.randn(1, 12, 6), mask), mask)[0]
    first, second = mask.hidden_index()[0, :2].tolist()
    assert not torch.allclose(answer[first], answer[second], atol=1e-4)


def test_a_decoder_without_a_grid_takes_rows_of_any_length() -> None:
    decoder = build_decoder(CONFIG, spec(grid=None), 7)
    for length in (4, 9):
        mask = drop(grid=(length,))
        assert decoder(encode(torch.randn(5, length, 6), mask), mask).shape == (5, length, 7)


def test_padding_changes_no_prediction() -> None:
    decoder = build_decoder(CONFIG, spec(grid=None), 7)
    tokens, hidden = torch.randn(1, 6, 6), torch.tensor([[True, False, False, True, False, False]])
    valid = torch.tensor([[True] * 4 + [False] * 2])
    padded = Encoding(pooled=tokens.mean(1), tokens=tokens, valid=valid)
    short = Encoding(pooled=tokens.mean(1), tokens=tokens[:, :4])
    torch.testing.assert_close(
        decoder(padded, Mask(hidden, "replace"))[:, :4],
        decoder(short, Mask(hidden[:, :4], "replace")),
    )


def test_the_linear_decoder_is_one_map_for_dense_and_packed_tokens() -> None:
    decoder = build_decoder(LinearDecoder(), spec(), 7)
    tokens = torch.randn(5, 12, 6)
    mask = Mask(drop().hidden, "replace")
    dense = decoder(Encoding(pooled=tokens.mean(1), tokens=tokens), mask)
    packed = decoder(
        Encoding(pooled=tokens[0], tokens=tokens[0], owner=torch.arange(12)),
        Mask(mask.hidden[0], "replace"),
    )
    torch.testing.assert_close(dense[0], packed)
    with pytest.raises(ValueError, match="use a transformer"):
        decoder(encode(tokens, drop()), drop())


def test_what_a_transformer_decoder_cannot_do_is_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match="are packed: use kind='linear'"):
        build_decoder(CONFIG, spec(grid=None, tokens="packed"), 7)
    with pytest.raises(ValueError, match="3 do not divide the width 16"):
        TransformerDecoder(width=16, heads=3)


def test_a_view_of_another_size_is_refused() -> None:
    decoder = build_decoder(CONFIG, spec(), 7)
    mask = drop(grid=(2, 4))
    with pytest.raises(ValueError, match="12 tokens of the encoder's grid; got 8"):
        decoder(encode(torch.randn(5, 8, 6), mask), mask)


def test_positions_are_no_weights_to_save() -> None:
    assert "positions" not in build_decoder(CONFIG, spec(), 7).state_dict()
