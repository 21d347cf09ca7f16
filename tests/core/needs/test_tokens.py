"""Any tokens, any mask mode, any target: masked and latent prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.core.needs.toys import Log, Rows, Toy, engine, same, signals, weights
from tests.core.toys import CONTENT, SIZE, WIDTH, PackedEncoder, TokenEncoder
from torch import Tensor, nn

from tacit.contract import (
    Batch,
    Context,
    Encoder,
    EncoderSpec,
    Encoding,
    Losses,
    Mask,
    MaskMode,
    Tokens,
    Views,
)
from tacit.data import Source
from tacit.functional import masked_mean_squared_error, negative_cosine, scaled_cosine_error
from tacit.nn import Ema, LinearDecoder, RandomMask, TransformerDecoder
from tacit.objectives import MaskedPrediction, MaskedPredictionConfig
from tacit.training.optimizers import AdamW

LEARN: dict[str, Any] = {"steps": 30, "optimizer": AdamW(lr=0.01)}


class RaggedEncoder(TokenEncoder):
    """Rows of any length: the last number of a token says whether it is there."""

    def __init__(self) -> None:
        super().__init__(grid=None)

    def tokenize(self, value: Tensor) -> Tokens:
        return Tokens(values=self.embed(value[..., :CONTENT]), valid=value[..., CONTENT] > 0)

    def token_targets(self, value: Tensor) -> Tensor:
        return value[..., :CONTENT]


class Attention(Encoder):
    """Dense tokens in all three mask modes, from one bias: who may look at whom."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = EncoderSpec(
            modality="signal",
            width=WIDTH,
            tokens="dense",
            mask_modes=frozenset({"drop", "replace", "query"}),
            layers=2,
            vocabulary=5,
        )
        self.embed = nn.Linear(CONTENT, WIDTH)
        self.mask_token = nn.Parameter(torch.full((WIDTH,), 0.3))

    def tokenize(self, value: Tensor) -> Tokens:
        place = torch.arange(value.shape[1])[:, None].expand(-1, WIDTH)
        return Tokens(values=self.embed(value) + place / 10)

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        self.check_mask(mask)
        x = (value if isinstance(value, Tokens) else self.tokenize(value)).values
        closed = torch.zeros(x.shape[:2], dtype=torch.bool)
        kept, layers = None, {}
        if mask is not None and mask.mode == "replace":
            x = torch.where(mask.hidden[..., None], self.mask_token, x)
        if mask is not None and mask.mode == "drop":
            kept = mask.visible_index()
            x = x.gather(1, kept[..., None].expand(-1, -1, WIDTH))
            closed = closed.gather(1, kept)
        if mask is not None and mask.mode == "query":
            closed = mask.hidden
        for layer in (1, 2):
            scores = x @ x.transpose(1, 2)
            x = x + scores.masked_fill(closed[:, None], -torch.inf).softmax(2) @ x
            layers[layer] = x
        return Encoding(
            pooled=x.mean(1), tokens=x, kept=kept, layers={tap: layers[tap] for tap in taps}
        )

    def token_targets(self, value: Tensor) -> Tensor:
        codes: Tensor = (value.sum(-1) * 10).long() % 5
        return codes


def grid_of(count: int = 12) -> Tensor:
    return signals(count, SIZE * CONTENT).view(count, SIZE, CONTENT)


def padded() -> Tensor:
    lengths = torch.arange(12) % 8 + 9
    there = (torch.arange(SIZE) < lengths[:, None]).float()
    return torch.cat([grid_of(), there[..., None]], dim=2)


@pytest.mark.parametrize(
    ("encoder", "values", "mode"),
    [
        (TokenEncoder, grid_of(), "drop"),
        (TokenEncoder, grid_of(), "replace"),
        (RaggedEncoder, padded(), "replace"),
        (PackedEncoder, signals(12, CONTENT), "replace"),
    ],
    ids=["grid-drop", "grid-replace", "ragged", "packed"],
)
def test_one_masked_prediction_learns_on_a_grid_on_ragged_rows_and_on_packed_tokens(
    encoder: type[Encoder], values: Tensor, mode: Any
) -> None:
    small = TransformerDecoder(width=8, depth=1, heads=2)
    config = MaskedPredictionConfig(
        mask=RandomMask(ratio=0.5),
        mode=mode,
        decoder=small if mode == "drop" else LinearDecoder(),
    )
    log = Log()
    one = {"signal": encoder()}
    run = engine(
        MaskedPrediction(config), encoders=one, source=Rows(signal=values), log=log, **LEARN
    )
    before = weights(one["signal"])
    run.run()
    losses = log.column("loss/reconstruction")
    assert sum(losses[-5:]) < sum(losses[:5])
    assert not same(weights(one["signal"]), before)


def test_padding_changes_no_loss() -> None:
    losses = []
    for filling in (0.0, 7.0):
        values = padded()
        values[..., :CONTENT] += filling * (values[..., CONTENT:] == 0)
        config = MaskedPredictionConfig(
            mask=RandomMask(ratio=0.5), mode="replace", decoder=LinearDecoder()
        )
        torch.manual_seed(0)
        one, log = {"signal": BlindEncoder()}, Log()
        run = engine(
            MaskedPrediction(config), encoders=one, source=Rows(signal=values), log=log, steps=2
        )
        run.run()
        losses.append(log.column("loss/reconstruction"))
    assert losses[0] == losses[1]


class BlindEncoder(RaggedEncoder):
    """Tokens that do not mix, so that nothing but the loss could see padding."""

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        assert mask is not None
        x = torch.where(mask.hidden[..., None], self.mask_token, tokens.values) + self.positions
        return Encoding(pooled=x.mean(1), tokens=x, valid=tokens.valid)


class Seen(Toy):
    """Keeps what the encoder answers under one mask."""

    def __init__(self, mode: MaskMode) -> None:
        super().__init__()
        self.mode: MaskMode = mode
        self.encodings: list[Encoding] = []

    def forward(self, views: Views, ctx: Context) -> Losses:
        hidden = (torch.arange(SIZE) < 4).expand(4, SIZE)
        mask = Mask(hidden, self.mode, hidden_per_row=4)
        self.encodings.append(encoding := ctx.encode(views[0], mask=mask))
        return Losses(terms={"size": encoding.pooled.square().mean()})


@pytest.mark.parametrize("mode", ["replace", "drop", "query"])
def test_no_mask_mode_lets_visible_tokens_see_hidden_content(mode: MaskMode) -> None:
    seen = []
    for shift in (0.0, 5.0):
        values, objective = grid_of(4), Seen(mode)
        values[:, :4] += shift
        torch.manual_seed(0)
        one = {"signal": Attention()}
        engine(objective, encoders=one, source=Rows(signal=values), steps=1).run()
        seen.append(objective.encodings[0].tokens)
    plain, shifted = seen
    assert plain is not None
    assert shifted is not None
    visible = slice(None) if mode == "drop" else slice(4, None)
    assert torch.equal(plain[:, visible], shifted[:, visible])
    assert plain.shape[1] == (SIZE - 4 if mode == "drop" else SIZE)
    if mode != "drop":  # a replaced token knows nothing of its content, a query its own
        assert torch.equal(plain[:, :4], shifted[:, :4]) == (mode == "replace")


class Codes(Toy):
    """Masked prediction of discrete codes (BEiT, BEATs, BERT)."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(WIDTH, 5)

    def forward(self, views: Views, ctx: Context) -> Losses:
        codes = ctx.encoder("signal").token_targets(views[0].value)
        mask = RandomMask(ratio=0.5)(4, (SIZE,), mode="query", generator=ctx.generator)
        logits = self.head(ctx.encode(views[0], mask=mask).tokens)
        error = nn.functional.cross_entropy(logits.flatten(0, 1), codes.flatten(), reduction="none")
        return Losses(terms={"codes": (error * mask.hidden.flatten()).sum() / mask.hidden.sum()})


def test_hidden_tokens_are_predicted_as_discrete_codes() -> None:
    log, objective = Log(), Codes()
    one: dict[str, Encoder] = {"signal": Attention()}
    engine(objective, encoders=one, source=Rows(signal=grid_of()), log=log, **LEARN).run()
    losses = log.column("loss/codes")
    assert sum(losses[-5:]) < sum(losses[:5])


class Latents(Toy):
    """The teacher's averaged layers, predicted at hidden tokens (data2vec)."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(WIDTH, WIDTH)
        self.targets: list[Tensor] = []

    def forward(self, views: Views, ctx: Context) -> Losses:
        taught = ctx.encode(views[0], which="teacher", taps=(1, 2)).layers
        target = torch.stack([taught[1], taught[2]]).mean(0)
        self.targets.append(target)
        mask = RandomMask(ratio=0.5)(4, (SIZE,), mode="replace", generator=ctx.generator)
        tokens = self.head(ctx.encode(views[0], mask=mask).tokens)
        return Losses(terms={"latents": masked_mean_squared_error(tokens, target, mask.hidden)})


def test_latents_of_a_moving_average_teacher_are_predicted_without_gradient_to_it() -> None:
    one: dict[str, Encoder] = {"signal": Attention()}
    objective = Latents()
    run = engine(
        objective,
        encoders=one,
        source=Rows(signal=grid_of()),
        teachers={"teacher": Ema(momentum=0.9)},
        steps=1,
    )
    before, teacher = weights(one["signal"]), run.learner.teacher("teacher")
    run.run()
    assert not any(target.requires_grad for target in objective.targets)
    for name, now in weights(teacher.encoder("signal")).items():
        torch.testing.assert_close(
            now, 0.9 * before[name] + 0.1 * one["signal"].state_dict()[name], msg=name
        )


class Nodes(Source):
    """One big value of packed tokens, a node an instance, with edges between them."""

    modalities = ("nodes",)

    def __len__(self) -> int:
        return 8

    def fetch(self, indices: Sequence[int]) -> Batch:
        rows = torch.tensor(indices)
        return Batch(values={"nodes": signals(8)}, index=torch.arange(8), rows=rows)


RING = torch.stack([torch.arange(8), torch.arange(8).roll(1)])


class Convolution(Encoder):
    """Each node adds up its neighbours; the edges travel with the tokens."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.spec = EncoderSpec(
            modality="nodes", width=out, tokens="packed", mask_modes=frozenset({"replace"})
        )
        self.layer, self.mask_token = nn.Linear(width, out), nn.Parameter(torch.zeros(width))

    def tokenize(self, value: Tensor) -> Tokens:
        return Tokens(values=value, owner=torch.arange(len(value)), relations=RING)

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        given = value if isinstance(value, Tokens) else self.tokenize(value)
        x = given.values
        if mask is not None:
            x = torch.where(mask.hidden[:, None], self.mask_token, x)
        source, target = given.relations
        x = self.layer(x + torch.zeros_like(x).index_add(0, target, x[source]))
        return Encoding(pooled=x, tokens=x, owner=given.owner)


class GraphMae(Toy):
    """Hidden nodes are masked again before a decoder that mixes; scaled cosine error."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = Convolution(3, 4)

    def forward(self, views: Views, ctx: Context) -> Losses:
        tokens = ctx.encoder("nodes").tokenize(views[0].value)
        mask = RandomMask(ratio=0.5).packed(8, mode="replace", generator=ctx.generator)
        hidden = ctx.encode(views[0], mask=mask)
        assert hidden.tokens is not None
        again = self.decoder(replace(tokens, values=hidden.tokens), mask=mask).tokens
        error = scaled_cosine_error(again, views[0].value, mask.hidden, gamma=2.0)
        return Losses(terms={"features": error})


def test_hidden_nodes_are_masked_again_before_a_decoder_that_mixes_them() -> None:
    torch.manual_seed(0)
    log, objective, one = Log(), GraphMae(), {"nodes": Convolution(4, 3)}
    run = engine(objective, encoders=one, source=Nodes(), log=log, batch=8, **LEARN)
    before = weights(run.learner)
    run.run()
    losses = log.column("loss/features")
    assert sum(losses[-5:]) < sum(losses[:5])
    assert not torch.equal(objective.decoder.mask_token, before["objective.decoder.mask_token"])


def test_latent_prediction_knows_no_kind_of_tokens() -> None:
    class Agree(Toy):
        def forward(self, views: Views, ctx: Context) -> Losses:
            target = ctx.encode(views[0], which="teacher").tokens
            tokens = ctx.encode(views[0]).tokens
            assert tokens is not None
            assert target is not None
            return Losses(terms={"latents": negative_cosine(tokens, target)})

    for encoder, values in ((TokenEncoder(), grid_of()), (PackedEncoder(), signals(12, CONTENT))):
        log = Log()
        run = engine(
            Agree(),
            encoders={"signal": encoder},
            source=Rows(signal=values),
            teachers={"teacher": Ema()},
            log=log,
        )
        run.run()
        assert log.column("loss/latents")[0] == pytest.approx(-1, abs=1e-5)
