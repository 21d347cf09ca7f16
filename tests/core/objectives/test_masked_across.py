"""Masked prediction across modalities: what is seen, what counts, whom the gradient reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.core.objectives.setting import BATCH, Setting, values
from tests.core.objectives.test_no_waiting import NothingReadBack
from tests.core.toys import CONTENT, SIZE, WIDTH, PoolEncoder, TokenEncoder
from torch import Tensor, nn

from tacit.contract import DataInfo, Encoder, EncoderSpec, Encoding, Mask, Tokens, View, Views
from tacit.nn import CrossDecoder, InputTarget, LinearDecoder, MultiBlockMask, TubeMask
from tacit.nn.across import AcrossHead, Places, Reader
from tacit.objectives import (
    Clip,
    ClipConfig,
    MaskedAcross,
    MaskedAcrossConfig,
    MaskedClip,
    MaskedClipConfig,
)
from tacit.testing import toy
from tacit.testing.engine import MethodSubject

SMALL = CrossDecoder(width=8, depth=1, heads=2)
CONFIG = MaskedAcrossConfig(decoder=SMALL, target=InputTarget())
CODES = 5


def lengths(value: Tensor) -> Tensor:
    """How many tokens of each row there are: 2 to 5, by its content."""
    return 2 + (value[:, 0] > 0).sum(1)


def packed(rows: Tensor, value: Tensor) -> Tensor:
    """The tokens there are, of anything that has a row for each row of a value."""
    counts = lengths(value).tolist()
    return torch.cat([row[:count] for row, count in zip(rows, counts, strict=True)])


class Coded(TokenEncoder):
    """Tokens whose content is one of `CODES`."""

    def __init__(self, modality: str) -> None:
        super().__init__(None, modality)
        self.spec = replace(self.spec, target_width=None, vocabulary=CODES)

    def token_targets(self, value: Tensor) -> Tensor:
        return (value[..., 0] * 100).long() % CODES


class Packed(Encoder):
    """Values `(batch, SIZE, CONTENT)` of which each row holds its first few tokens, packed."""

    def __init__(self, modality: str) -> None:
        super().__init__()
        self.spec = EncoderSpec(
            modality=modality,
            width=WIDTH,
            tokens="packed",
            mask_modes=frozenset({"replace"}),
            target_width=CONTENT,
        )
        self.embed = nn.Linear(CONTENT, WIDTH)
        self.mask_token = nn.Parameter(torch.full((WIDTH,), 0.3))

    def owner(self, value: Tensor) -> Tensor:
        return torch.arange(len(value)).repeat_interleave(lengths(value))

    def packed(self, value: Tensor) -> Tensor:
        return packed(value, value)

    def tokenize(self, value: Tensor) -> Tokens:
        return Tokens(values=self.embed(self.packed(value)), owner=self.owner(value))

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        tokens, owner = self.tokenize(value).values, self.owner(value)
        if mask is not None:
            tokens = mask.replaced(tokens, self.mask_token)
        pooled = torch.zeros(len(value), WIDTH, dtype=tokens.dtype).index_add(0, owner, tokens)
        return Encoding(pooled=pooled, tokens=tokens + pooled[owner], owner=owner)

    def token_targets(self, value: Tensor) -> Tensor:
        return self.packed(value)


def made(
    config: MaskedAcrossConfig = CONFIG,
    encoders: Mapping[str, Encoder] | None = None,
    seed: int = 0,
) -> Setting:
    torch.manual_seed(seed)
    towers = nn.ModuleDict(encoders or {n: TokenEncoder(modality=n) for n in ("a", "b")})
    objective = MaskedAcross(config)
    specs = {name: each.spec for name, each in towers.items() if isinstance(each, Encoder)}
    objective.build(specs, DataInfo())
    return Setting(objective, towers, {})


def masks(batch: int = BATCH, seed: int = 4) -> Mask:
    generator = torch.Generator().manual_seed(seed)
    return Mask(torch.rand(batch, SIZE, generator=generator) < 0.5, "replace")


def views(
    given: Mapping[str, Tensor] | None = None,
    *,
    hidden: bool = True,
    **present: Tensor,
) -> Views:
    given = given or {"a": values(seed=1), "b": values(seed=2)}
    made = []
    for i, (name, value) in enumerate(given.items()):
        mask = masks(len(value), seed=i) if hidden else None
        made.append(View(value=value, modality=name, mask=mask, present=present.get(name)))
    return Views(made)


def predictions(setting: Setting, of: str, seen: Views) -> Tensor:
    found: list[Tensor] = []
    handle = setting.head("decoder", of).register_forward_hook(lambda *call: found.append(call[2]))
    setting.losses(seen)
    handle.remove()
    return found[0]


def test_each_term_is_the_error_of_the_hidden_tokens_counted_one_by_one() -> None:
    setting, seen = made(), views()
    terms = setting.losses(seen).terms
    assert set(terms) == {"reconstruction/a", "reconstruction/b"}
    for view in seen:
        predicted = predictions(setting, view.modality, seen)
        assert view.mask is not None
        errors = [
            float(((predicted[i, j] - view.value[i, j]) ** 2).mean().detach())
            for i in range(BATCH)
            for j in range(SIZE)
            if view.mask.hidden[i, j]
        ]
        wanted = sum(errors) / len(errors)
        assert float(terms[f"reconstruction/{view.modality}"].detach()) == pytest.approx(wanted)


def test_gradients_are_those_of_finite_differences_in_both_encoders() -> None:
    setting = made()
    setting.objective.double()
    setting.encoders.double()
    seen = views({n: values(3, seed=i, dtype=torch.float64) for i, n in enumerate("ab")})
    total = setting.losses(seen).total()
    for parameter in (
        setting.encoders.get_parameter("a.embed.weight"),
        setting.encoders.get_parameter("b.mix.weight"),
        setting.objective.get_parameter("reader.a.of.b.embed.weight"),
    ):
        slope = torch.autograd.grad(total, parameter, retain_graph=True)[0][0, 0]
        sides = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                parameter[0, 0] += step
                sides.append(float(setting.losses(seen).total()))
                parameter[0, 0] -= step
        assert float(slope) == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-5)


def test_what_is_hidden_of_a_modality_does_not_reach_its_prediction() -> None:
    setting, seen = made(), views()
    assert seen[0].mask is not None
    other = seen[0].value.where(~seen[0].mask.hidden[..., None], 5.0)
    changed = Views([replace(seen[0], value=other), seen[1]])
    torch.testing.assert_close(predictions(setting, "a", seen), predictions(setting, "a", changed))
    assert not torch.allclose(predictions(setting, "b", seen), predictions(setting, "b", changed))


def test_what_the_other_modality_shows_reaches_it_instance_by_instance() -> None:
    setting, seen = made(), views()
    other = seen[1].value.clone()
    other[2] += 1.0
    before = predictions(setting, "a", seen)
    after = predictions(setting, "a", Views([seen[0], replace(seen[1], value=other)]))
    moved = (before - after).abs().amax((1, 2)) > 1e-6
    assert moved.tolist() == [i == 2 for i in range(BATCH)]


def test_of_three_modalities_each_is_told_from_those_that_are_there() -> None:
    names = ("a", "b", "c")
    setting = made(encoders={n: TokenEncoder(modality=n) for n in names})
    given = {n: values(seed=i) for i, n in enumerate(names)}
    there = torch.arange(BATCH) != 3
    assert set(setting.losses(views(given)).terms) == {f"reconstruction/{n}" for n in names}
    found = []
    for filling in (0.0, 9.0):
        c = given["c"].where(there[:, None, None], filling)
        found.append(predictions(setting, "a", views({**given, "c": c}, c=there)))
    torch.testing.assert_close(*found)
    assert set(setting.losses(views({n: given[n] for n in "ab"})).terms) == {
        "reconstruction/a",
        "reconstruction/b",
    }


def test_what_stands_for_a_missing_member_changes_no_loss_and_no_gradient() -> None:
    a, b = torch.arange(BATCH) != 1, torch.arange(BATCH) > 2
    found = []
    for filling in (0.0, 7.0):
        setting = made()
        given = {
            "a": values(seed=1).where(a[:, None, None], filling),
            "b": values(seed=2).where(b[:, None, None], filling),
        }
        losses = setting.losses(views(given, a=a, b=b))
        losses.total().backward()
        found.append((losses.terms, [p.grad for p in setting.trained()]))
    torch.testing.assert_close(found[0], found[1])


def test_the_loss_is_that_of_the_instances_that_have_both() -> None:
    setting, seen = made(), views(b=torch.arange(BATCH) > 2)
    complete = [
        replace(v, value=v.value[3:], mask=Mask(v.mask.hidden[3:], "replace"), present=None)
        for v in seen
        if v.mask is not None
    ]
    torch.testing.assert_close(setting.losses(seen).terms, setting.losses(Views(complete)).terms)


def test_a_batch_without_a_pair_is_refused() -> None:
    first = torch.arange(BATCH) < 4
    with pytest.raises(ValueError, match="without one complete pair"):
        made().losses(views(a=first, b=~first))
    with pytest.raises(ValueError, match="a batch with a alone has nothing to predict"):
        made().losses(views({"a": values()}))
    turned = Views([replace(v, source=torch.arange(BATCH)) for v in views()])
    with pytest.raises(ValueError, match="change the order of the instances"):
        made().losses(turned)


def test_features_codes_and_packed_tokens_are_predicted_side_by_side() -> None:
    setting = made(encoders={"a": TokenEncoder(modality="a"), "b": Coded("b"), "c": Packed("c")})
    given = {n: values(seed=i) for i, n in enumerate("abc")}
    terms = setting.losses(views(given, hidden=False)).terms
    assert set(terms) == {f"reconstruction/{n}" for n in "abc"}
    sum(terms.values()).backward()  # type: ignore[union-attr]
    named = [*setting.encoders.named_parameters(), *setting.objective.named_parameters()]
    used = [p for n, p in named if not (n.startswith("decoder") and n.endswith("mask_token"))]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in used)


def test_codes_have_the_cross_entropy() -> None:
    setting = made(encoders={"a": TokenEncoder(modality="a"), "b": Coded("b")})
    seen = views()
    mask, encoder = seen[1].mask, setting.encoders["b"]
    assert mask is not None
    assert isinstance(encoder, Encoder)
    chances = predictions(setting, "b", seen).log_softmax(-1)
    codes = encoder.token_targets(seen[1].value)
    wanted = -chances.gather(2, codes[..., None])[..., 0][mask.hidden].mean()
    torch.testing.assert_close(setting.losses(seen).terms["reconstruction/b"], wanted)


def test_only_what_is_asked_for_is_predicted_and_the_rest_need_no_tokens() -> None:
    encoders = {"a": TokenEncoder(modality="a"), "b": PoolEncoder(modality="b")}
    setting = made(replace(CONFIG, predict=("a",)), encoders)
    losses = setting.losses(views(hidden=False))
    assert set(losses.terms) == {"reconstruction/a"}
    losses.total().backward()
    assert all(p.grad is not None for p in setting.encoders["b"].parameters())
    with pytest.raises(ValueError, match=r"needs an encoder with: mask:replace, tokens.*the b"):
        made(replace(CONFIG, predict=("a", "b")), encoders)
    with pytest.raises(ValueError, match="predict: wanted some of a, b; got smell"):
        made(replace(CONFIG, predict=("smell",)))


def test_each_modality_may_have_a_ratio_of_its_own_and_a_schedule_moves_all() -> None:
    setting = made(replace(CONFIG, ratios={"b": 0.25}))
    hidden: dict[str, int] = {}
    for name in "ab":
        setting.head("decoder", name).register_forward_pre_hook(
            lambda _, given, name=name: hidden.update({name: int(given[1].hidden.sum(1)[0])})
        )
    setting.losses(views(hidden=False))
    assert hidden == {"a": 10, "b": 4}
    ctx: Any = setting.context()
    ctx.value = lambda name, default: 0.5 if name == "mask.ratio" else default
    setting.objective(views(hidden=False), ctx)
    assert hidden == {"a": 8, "b": 8}


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted kind='cross'; got 'linear'"):
        MaskedAcrossConfig(decoder=LinearDecoder())
    with pytest.raises(ValueError, match="places: wanted at least 1"):
        MaskedAcrossConfig(places=0)
    with pytest.raises(ValueError, match="ratio: wanted more than 0 and less than 1; got 1"):
        MaskedAcrossConfig(ratios={"a": 1.0})
    with pytest.raises(ValueError, match="has no ratio to set"):
        MaskedAcrossConfig(mode="drop", mask=MultiBlockMask(), ratios={"a": 0.5})
    with pytest.raises(ValueError, match="ratios: wanted some of a, b; got c"):
        made(replace(CONFIG, ratios={"c": 0.5}))
    mixed = {"a": TokenEncoder(modality="a"), "b": TokenEncoder(None, modality="b")}
    with pytest.raises(ValueError, match=r"tokens:grid.*the b encoder"):
        made(replace(CONFIG, mask=TubeMask(ratio=0.5)), mixed)


def test_nothing_waits_for_the_device() -> None:
    setting = made()
    with NothingReadBack():
        setting.losses(views(hidden=False)).total().backward()


def test_packed_tokens_are_decoded_as_rows_of_their_own() -> None:
    """Two instances of 2 and 3 tokens, whose tokens lie mixed, beside each alone."""
    torch.manual_seed(0)
    spec = Packed("a").spec
    decoder = AcrossHead(SMALL, spec, 4, places=5)
    tokens, owner = torch.randn(5, WIDTH), torch.tensor([1, 0, 1, 0, 1])
    reference = Encoding(pooled=torch.zeros(2, 8), tokens=torch.randn(2, 6, 8))
    mask = Mask(torch.zeros(5, dtype=torch.bool), "replace")
    both = Encoding(pooled=torch.zeros(2, WIDTH), tokens=tokens, owner=owner)
    found = decoder(both, mask, None, reference)
    for instance in range(2):
        own, alone = (
            owner == instance,
            torch.zeros(int((owner == instance).sum()), dtype=torch.long),
        )
        single = Encoding(pooled=torch.zeros(1, WIDTH), tokens=tokens[own], owner=alone)
        seen = Encoding(
            pooled=reference.pooled[:1],
            tokens=reference.tokens[instance : instance + 1],  # type: ignore[index]
        )
        wanted = decoder(single, Mask(mask.hidden[own], "replace"), None, seen)
        torch.testing.assert_close(found[own], wanted)


def test_packed_tokens_come_back_from_their_places() -> None:
    owner = torch.tensor([2, 0, 2, 2, 0])
    at = Places.of(owner, rows=4, most=3)
    assert at.place.tolist() == [0, 0, 1, 2, 1]
    tokens = torch.arange(1.0, 6.0)[:, None]
    assert at.spread(tokens)[..., 0].tolist() == [[2, 5, 0], [0, 0, 0], [1, 3, 4], [0, 0, 0]]
    torch.testing.assert_close(at.gather(at.spread(tokens)), tokens)
    assert at.valid().sum(1).tolist() == [2, 1, 3, 1]
    with pytest.raises(ValueError, match="largest instance has tokens, 3; got 2: set objective"):
        Places.of(owner, rows=4, most=2)


def test_a_reader_gives_packed_pooled_and_dense_members_side_by_side() -> None:
    torch.manual_seed(0)
    encoders: dict[str, Encoder] = {
        "a": TokenEncoder(modality="a"),
        "b": PoolEncoder(modality="b"),
        "c": Packed("c"),
    }
    reader = Reader({name: each.spec for name, each in encoders.items()}, 8, places=5)
    given = {name: each(values()) for name, each in encoders.items()}
    there = torch.arange(BATCH) != 0
    seen = reader(given, {"a": None, "b": there, "c": None})
    assert seen.tokens is not None
    assert seen.tokens.shape == (BATCH, SIZE + 1 + 5, 8)
    assert seen.valid is not None
    torch.testing.assert_close(seen.valid.sum(1), SIZE + there + lengths(values()))


def test_the_sum_with_clip_is_both_and_runs_each_encoder_twice() -> None:
    config = MaskedClipConfig(contrast=ClipConfig(temperature=0.2), across=CONFIG)
    towers = nn.ModuleDict({n: TokenEncoder(modality=n) for n in ("a", "b")})
    specs = {name: each.spec for name, each in towers.items() if isinstance(each, TokenEncoder)}
    objective = MaskedClip(config)
    objective.build(specs, DataInfo())
    setting, seen = Setting(objective, towers, {}), views()
    terms = setting.losses(seen).terms
    assert set(terms) == {"contrast", "across"}
    clip, across = objective.tasks["contrast"], objective.tasks["across"]
    assert isinstance(clip, Clip)
    assert isinstance(across, MaskedAcross)
    torch.testing.assert_close(terms["contrast"], clip(seen, setting.context()).total())
    torch.testing.assert_close(terms["across"], across(seen, setting.context()).total())


@pytest.mark.learning
def test_a_partner_tells_more_of_what_is_hidden_than_a_stranger() -> None:
    """Half of the signals; the echo of another signal in place of their own, at the end."""
    from tacit import methods

    subject = MethodSubject(make=methods.masked_across)
    learner = subject.learner()
    optimizer = torch.optim.Adam(learner.parameters(), lr=3e-3)
    batch = toy.Signals(("signal", "echo")).fetch(range(toy.ROWS))
    for _ in range(150):
        optimizer.zero_grad()
        learner(batch).total().backward()
        optimizer.step()
        learner.after_step()
    strange = replace(batch, values={**batch.values, "echo": batch.values["echo"].roll(1, 0)})
    with torch.no_grad():
        own = learner(batch).terms["reconstruction/signal"]
        other = learner(strange).terms["reconstruction/signal"]
    assert float(own) < 0.85 * float(other)
