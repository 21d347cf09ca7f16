"""What an encoder may bring to masked prediction: its own decoder, its own target, its codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from tests.core.objectives.setting import BATCH, MAE, SIMMIM, Setting, values
from tests.core.toys import CONTENT, SIZE, WIDTH, PackedEncoder, TokenEncoder
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import (
    DataInfo,
    Encoder,
    EncoderSpec,
    Encoding,
    Mask,
    Tokens,
    TokenTarget,
    View,
    Views,
)
from tacit.functional import global_mean, scaled_cosine_error
from tacit.nn import (
    BlockMask,
    CrossEntropy,
    Fill,
    InputTarget,
    OwnDecoder,
    OwnTarget,
    RandomMask,
    ScaledCosine,
    SubsetMask,
    TokenisedTarget,
    TubeMask,
    fill_hidden,
)
from tacit.objectives import MaskedPrediction, MaskedPredictionConfig

GRAPHMAE = MaskedPredictionConfig(
    mask=RandomMask(ratio=0.5),
    mode="replace",
    target=InputTarget(),
    decoder=OwnDecoder(),
    loss=ScaledCosine(gamma=3.0),
)


class Ring(nn.Module):
    """Each token looks at the one before it: a stand-in for any network of neighbours."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, out)
        self.seen: list[Tokens] = []

    def forward(self, tokens: Tokens) -> Tensor:
        self.seen.append(tokens)
        mixed: Tensor = self.layer(tokens.values + tokens.values.roll(1, 0))
        return mixed


class Connected(PackedEncoder):
    """Packed tokens with relations, and a decoder that reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, decoder=lambda out: Ring(WIDTH, out))

    def tokenize(self, value: Tensor) -> Tokens:
        return replace(super().tokenize(value), relations="edges")


def built(encoder: Encoder, config: MaskedPredictionConfig) -> Setting:
    torch.manual_seed(0)
    objective = MaskedPrediction(config)
    assert objective.requires.capabilities <= encoder.spec.capabilities()
    objective.build({"signal": encoder.spec}, DataInfo())
    return Setting(objective, nn.ModuleDict({"signal": encoder}), {})


def packed(**others: Any) -> Views:
    return Views([View(value=values()[0], modality="signal", **others)])


def test_hidden_packed_tokens_are_hidden_again_before_a_decoder_of_the_encoders_own() -> None:
    encoder = Connected()
    setting = built(encoder, GRAPHMAE)
    mask = Mask(torch.arange(SIZE) % 3 == 0, "replace")
    total = setting.losses(packed(mask=mask)).total()
    head = setting.head("decoder")
    (entered,) = head.get_submodule("network").seen  # type: ignore[misc]
    assert entered.relations == "edges"
    assert entered.asked is not None
    assert torch.equal(entered.asked, mask.hidden.nonzero()[:, 0])
    assert not entered.values[mask.hidden].any()
    assert entered.values[~mask.hidden].all(1).all()
    predicted = head.get_submodule("network")(entered)
    wanted = scaled_cosine_error(predicted, values()[0], mask.hidden, gamma=3.0)
    torch.testing.assert_close(total, wanted)
    total.backward()
    assert all(p.grad is not None for p in setting.trained())


@pytest.mark.parametrize(("token", "learnt"), [("learned", True), ("zeros", False)])
def test_what_hides_again_is_learned_or_zeros(
    token: Literal["learned", "zeros"], learnt: bool
) -> None:
    setting = built(Connected(), replace(GRAPHMAE, decoder=OwnDecoder(token=token)))
    names = dict(setting.head("decoder").named_parameters())
    assert ("mask_token" in names) == learnt
    setting.losses(packed()).total().backward()
    assert all(p.grad is not None for p in setting.trained())


def test_without_hiding_again_the_decoder_sees_what_became_of_hidden_tokens() -> None:
    setting = built(Connected(), replace(GRAPHMAE, decoder=OwnDecoder(remask=False)))
    setting.losses(packed())
    (entered,) = setting.head("decoder").get_submodule("network").seen  # type: ignore[misc]
    assert entered.values.all(1).all()


class Columns(TokenTarget):
    """Two categories in the first half of the tokens, numbers in the second."""

    width = 2

    def forward(self, value: Any) -> Tensor:
        half = SIZE // 2
        first: Tensor = value[..., 0]
        return torch.cat([(first[:, :half] > 0).to(first.dtype), first[:, half:]], dim=1)

    def error(self, prediction: Tensor, target: Tensor, hidden: Tensor) -> Tensor:
        half = SIZE // 2
        named = functional.cross_entropy(
            prediction[:, :half].transpose(1, 2), target[:, :half].long(), reduction="none"
        )
        numbers = (prediction[:, half:, 0] - target[:, half:]).square()
        return global_mean((torch.cat([named, numbers], 1) * hidden).sum(), hidden.sum())


class Mixed(TokenEncoder):
    """Tokens that are not alike."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, own_target=Columns)


def test_an_encoder_brings_a_target_of_unlike_tokens_with_a_loss_of_its_own() -> None:
    config = replace(MAE, target=OwnTarget(), loss=None)
    setting = built(Mixed(), config)
    optimizer = torch.optim.AdamW(setting.trained(), lr=1e-2)
    view = Views([View(value=values(64), modality="signal")])
    first = setting.losses(view).total()
    for step in range(40):
        total = setting.losses(view, seed=step).total()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    assert setting.losses(view).total() < 0.9 * first


class Words(TokenEncoder):
    """Codes of a vocabulary as targets."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, target_width=None, vocabulary=5)

    def token_targets(self, value: Tensor) -> Tensor:
        return (value.sum(-1) * 10).long() % 5


def test_codes_of_the_encoders_vocabulary_are_predicted_by_cross_entropy() -> None:
    config = replace(SIMMIM, target=InputTarget(), loss=CrossEntropy(), fill=Fill(donor=0.2))
    setting = built(Words(), config)
    view = View(value=values(), modality="signal")
    total = setting.losses(Views([view])).total()
    total.backward()
    assert 0.5 * torch.tensor(5.0).log() < total < 2 * torch.tensor(5.0).log()
    assert setting.head("decoder").get_submodule("layer").out_features == 5


def test_what_an_encoder_must_offer_follows_from_the_parts() -> None:
    codes = MaskedPrediction(replace(SIMMIM, loss=CrossEntropy())).requires.capabilities
    assert "targets:codes" in codes
    assert "targets" not in codes
    tubes = MaskedPrediction(replace(GRAPHMAE, mask=TubeMask())).requires.capabilities
    assert {"tokens:dense", "tokens:grid"} <= tubes
    blocks = MaskedPrediction(replace(GRAPHMAE, mask=BlockMask())).requires.capabilities
    assert not {"tokens:dense", "tokens:grid"} & blocks
    assert "targets:codes" in Words().spec.capabilities()
    assert "tokens:grid" not in Connected().spec.capabilities()


def test_what_does_not_fit_is_refused() -> None:
    def build(encoder: Encoder, config: MaskedPredictionConfig) -> None:
        MaskedPrediction(config).build({"signal": encoder.spec}, DataInfo())

    with pytest.raises(ValueError, match=r"features: a cross-entropy needs codes"):
        build(TokenEncoder(), replace(SIMMIM, loss=CrossEntropy()))
    with pytest.raises(ValueError, match=r"wanted loss\.kind='cross-entropy'; got 'l1'"):
        build(Words(), SIMMIM)
    with pytest.raises(ValueError, match=r"wanted mask\.kind='random' or 'block'; got 'subset'"):
        build(Connected(), replace(GRAPHMAE, mask=SubsetMask()))
    with pytest.raises(ValueError, match="own target has its own"):
        replace(MAE, target=OwnTarget())
    with pytest.raises(ValueError, match=r"set loss\.kind='contrast'"):
        replace(MAE, target=TokenisedTarget())
    with pytest.raises(ValueError, match="loss='none'"):
        replace(MAE, loss=None)
    with pytest.raises(ValueError, match="set mode='replace'"):
        replace(MAE, fill=Fill(keep=0.1))
    with pytest.raises(ValueError, match="which would be the answer"):
        replace(SIMMIM, mode="query")
    with pytest.raises(ValueError, match="at most 1 together"):
        Fill(donor=0.6, keep=0.6)


def test_hidden_tokens_are_a_donors_their_own_or_the_learned_one_in_the_shares_set() -> None:
    rows, tokens = 64, 100
    content = torch.arange(rows * tokens, dtype=torch.float32).view(rows, tokens, 1) + 1
    hidden = torch.arange(tokens) < 60
    mask = Mask(hidden.expand(rows, -1), "replace")
    generator = torch.Generator().manual_seed(0)
    filled, left = fill_hidden(Tokens(values=content), mask, Fill(donor=0.5, keep=0.2), generator)
    changed = (filled.values != content).squeeze(-1)
    kept = mask.hidden & ~changed & ~left.hidden
    assert torch.equal(filled.values[changed], content.roll(1, 0)[changed])
    assert not (changed & ~mask.hidden).any()
    assert not (left.hidden & (changed | ~mask.hidden)).any()
    shares = [float(part.sum() / mask.hidden.sum()) for part in (changed, kept, left.hidden)]
    assert shares == pytest.approx([0.5, 0.2, 0.3], abs=0.03)


def test_a_donor_that_is_padding_or_oneself_leaves_the_learned_token() -> None:
    generator = torch.Generator().manual_seed(0)
    valid = torch.tensor([[True, True, False], [True, True, True]])
    tokens, mask = Tokens(values=torch.randn(2, 3, 4), valid=valid), Mask(valid, "replace")
    _, left = fill_hidden(tokens, mask, Fill(donor=1.0), generator)
    assert left.hidden.tolist() == [[False] * 3, [False, False, True]]
    alone = Tokens(values=torch.randn(1, 3, 4))
    _, left = fill_hidden(alone, Mask(valid[1:], "replace"), Fill(donor=1.0), generator)
    assert left.hidden.all()


class Registered(TokenEncoder):
    """One regularisation token beside those that stand for something."""

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        encoding = super().forward(value, mask=mask, taps=taps)
        return replace(encoding, registers=encoding.pooled[:, None])


def test_registers_are_looked_at_by_the_decoder_and_never_predicted() -> None:
    mask = RandomMask()(BATCH, (4, 4), mode="drop", generator=torch.Generator().manual_seed(0))
    view = Views([View(value=values(), modality="signal", mask=mask)])
    plain, registered = built(TokenEncoder(), MAE), built(Registered(), MAE)
    registered.encoders.load_state_dict(plain.encoders.state_dict())
    shapes: list[torch.Size] = []
    registered.head("decoder").register_forward_hook(lambda *call: shapes.append(call[2].shape))
    assert registered.losses(view).total() != plain.losses(view).total()
    assert shapes == [(BATCH, SIZE, CONTENT)]


def test_the_words_of_a_spec_say_what_it_brings() -> None:
    spec = EncoderSpec(
        modality="signal",
        width=4,
        tokens="packed",
        positions=False,
        own_target=Columns,
        decoder=lambda out: Ring(4, out),
    )
    assert {"positions:none", "targets:own", "decoder"} <= spec.capabilities()
    assert "positions:none" not in PackedEncoder().spec.capabilities()
