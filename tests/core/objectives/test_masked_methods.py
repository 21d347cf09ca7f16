"""What each masked method promises: who sees what, who gets gradient, what is one class."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.core.objectives.setting import BATCH, Setting, values
from tests.core.toys import SIZE, AttendingEncoder, TokenEncoder
from torch import Tensor, nn

from tacit import methods
from tacit.contract import (
    Composition,
    DataInfo,
    Encoder,
    Encoding,
    Mask,
    Objective,
    Requirements,
    View,
    Views,
    unmet,
)
from tacit.functional import masked_mean_squared_error
from tacit.methods import Method
from tacit.nn import (
    ContrastWithin,
    CrossDecoder,
    Ema,
    RandomMask,
    TransformerDecoder,
    build_teacher,
)
from tacit.objectives import (
    ContextAutoencoder,
    ContextAutoencoderConfig,
    MaskedPrediction,
    MaskedPredictionConfig,
)

SMALL = TransformerDecoder(width=8, depth=1, heads=2)
ONE_CLASS: dict[str, Callable[[], Method]] = {
    name: getattr(methods, name)
    for name in (
        "mae",
        "simmim",
        "gmml",
        "dmjd",
        "crop_mae",
        "selfie",
        "mp3",
        "best_rq",
        "i_jepa",
        "data2vec",
    )
}


def small(config: MaskedPredictionConfig) -> MaskedPredictionConfig:
    if isinstance(config.decoder, TransformerDecoder):
        kind = type(config.decoder)
        return replace(config, decoder=kind(width=8, depth=1, heads=2))
    return config


def made(config: MaskedPredictionConfig, encoder: Encoder | None = None) -> Setting:
    torch.manual_seed(0)
    encoder = encoder or AttendingEncoder(
        positions="positions:none" not in config.target.needs.capabilities
    )
    kind: type[Objective] = MaskedPrediction
    if isinstance(config, ContextAutoencoderConfig):
        kind = ContextAutoencoder
    objective = kind(config)
    objective.build({"signal": encoder.spec}, DataInfo())
    encoders = nn.ModuleDict({"signal": encoder})
    teachers = {
        name: build_teacher(Ema(), encoders, {}, seed=0) for name in objective.requires.teachers
    }
    return Setting(objective, encoders, teachers)


def config_of(name: str) -> MaskedPredictionConfig:
    config = ONE_CLASS[name]().stages[0].config
    assert type(config) is MaskedPredictionConfig
    return small(config)


def seen(count: int = 1, **others: Any) -> Views:
    return Views([View(value=values(), modality="signal", **others) for _ in range(count)])


def views_for(config: MaskedPredictionConfig, **others: Any) -> Views:
    return seen(2 if isinstance(config.decoder, CrossDecoder) else 1, **others)


@pytest.mark.parametrize("name", ONE_CLASS)
def test_one_class_configured_is_every_one_of_them(name: str) -> None:
    stage = ONE_CLASS[name]().stages[0]
    assert stage.objective is MaskedPrediction
    config = config_of(name)
    setting = made(config)
    total = setting.losses(views_for(config)).total()
    total.backward()
    used = [p for n, p in setting.encoders.named_parameters() if not n.endswith("mask_token")]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in used)
    assert all(p.grad is not None for p in setting.objective.parameters())


def test_no_two_of_them_are_configured_alike() -> None:
    configs = [ONE_CLASS[name]().stages[0].config for name in ONE_CLASS]
    assert all(a != b for i, a in enumerate(configs) for b in configs[:i])


@pytest.mark.parametrize("name", [*ONE_CLASS, "cae"])
def test_a_teacher_and_a_target_get_no_gradient_and_nothing_waits(name: str) -> None:
    from tests.core.objectives.test_no_waiting import NothingReadBack

    config = config_of(name) if name in ONE_CLASS else CAE
    setting = made(config)
    with NothingReadBack():
        setting.losses(views_for(config)).total().backward()
        setting.objective.after_step(setting.context())
    for teacher in setting.teachers.values():
        assert all(p.grad is None for p in teacher.parameters())


@pytest.mark.parametrize("name", ["mae", "dmjd", "i_jepa", "selfie", "cae", "data2vec", "best_rq"])
def test_a_prediction_knows_nothing_of_the_content_of_hidden_tokens(name: str) -> None:
    config = config_of(name) if name in ONE_CLASS else CAE
    setting = made(config)
    mask = RandomMask(ratio=0.5)(
        BATCH, (4, 4), mode=config.mode, generator=torch.Generator().manual_seed(0)
    )
    predictions: list[Tensor] = []
    setting.head("decoder").register_forward_hook(lambda *call: predictions.append(call[2]))
    other = values().where(~mask.hidden[..., None], 5.0)
    for value in (values(), other):
        setting.losses(Views([View(value=value, modality="signal", mask=mask)]))
    torch.testing.assert_close(predictions[0], predictions[1])


def test_a_schedule_moves_the_ratio() -> None:
    setting = made(config_of("mae"))
    kept: list[int] = []
    setting.head("decoder").register_forward_pre_hook(
        lambda _, inputs: kept.append(inputs[0].tokens.shape[1])
    )
    for ratio in (0.75, 0.5, 0.25):
        ctx: Any = setting.context()
        ctx.value = lambda name, default, r=ratio: r if name == "mask.ratio" else default
        setting.objective(seen(), ctx)
    assert kept == [4, 8, 12]


def test_disjoint_masks_ask_for_every_token() -> None:
    setting = made(config_of("dmjd"))
    gradients: list[Tensor] = []

    def note(_: nn.Module, __: Any, answer: Tensor) -> None:
        answer.register_hook(lambda g: gradients.append(g.abs().sum(-1) > 0))

    setting.head("decoder").register_forward_hook(note)
    setting.losses(seen()).total().backward()
    assert len(gradients) == 2
    assert (gradients[0] | gradients[1]).all()
    assert not (gradients[0] & gradients[1]).all()


def test_a_part_is_reconstructed_with_the_whole_in_sight_and_the_whole_gets_gradient() -> None:
    config = config_of("crop_mae")
    setting = made(config)
    part = View(value=values(seed=1), modality="signal")
    found = []
    for seed in (1, 2):
        whole = values(seed=seed).requires_grad_()
        total = setting.losses(Views([View(value=whole, modality="signal"), part])).total()
        total.backward()
        assert whole.grad is not None
        assert whole.grad.any()
        found.append(float(total.detach()))
    assert found[0] != found[1]
    problems = unmet(setting.objective.requires, offered(("view",)))
    assert "needs at least 2 views" in problems[0]


def offered(roles: tuple[str, ...], encoder: Encoder | None = None) -> Composition:
    spec = (encoder or AttendingEncoder()).spec
    return Composition(
        specs={"signal": spec}, roles={"signal": roles}, meta={}, teachers=frozenset({"teacher"})
    )


def test_a_guess_at_positions_costs_the_logarithm_of_their_number() -> None:
    setting = made(config_of("mp3"))
    head = setting.head("decoder").get_submodule("layer")
    nn.init.zeros_(head.weight)  # type: ignore[arg-type]
    nn.init.zeros_(head.bias)  # type: ignore[arg-type]
    assert setting.losses(seen()).total().item() == pytest.approx(math.log(SIZE), abs=1e-4)


def test_without_positions_an_order_of_tokens_is_an_order_of_answers() -> None:
    setting = made(config_of("mp3"))
    answers: list[Tensor] = []
    setting.head("decoder").register_forward_hook(lambda *call: answers.append(call[2]))
    order = torch.randperm(SIZE, generator=torch.Generator().manual_seed(0))
    mask = RandomMask()(BATCH, (4, 4), mode="query", generator=torch.Generator().manual_seed(1))
    moved = Mask(mask.hidden[:, order], "query", mask.hidden_per_row)
    setting.losses(seen(mask=mask))
    setting.losses(Views([View(value=values()[:, order], modality="signal", mask=moved)]))
    torch.testing.assert_close(answers[0][:, order], answers[1])


def test_what_a_query_holds_changes_its_own_answer_and_no_other() -> None:
    setting = made(config_of("mp3"))
    answers: list[Tensor] = []
    setting.head("decoder").register_forward_hook(lambda *call: answers.append(call[2]))
    mask = RandomMask()(BATCH, (4, 4), mode="query", generator=torch.Generator().manual_seed(1))
    one = mask.hidden_index()[0, 0]
    other = values()
    other[0, one] += 3.0
    setting.losses(seen(mask=mask))
    setting.losses(Views([View(value=other, modality="signal", mask=mask)]))
    moved = (answers[0] != answers[1]).any(-1)
    assert moved.nonzero().tolist() == [[0, int(one)]]


def test_all_tokens_are_asked_where_they_lie() -> None:
    setting = made(config_of("mp3"))
    gradients: list[Tensor] = []
    setting.head("decoder").register_forward_hook(
        lambda *call: (
            call[2].register_hook(lambda g: gradients.append(g.abs().sum(-1) > 0)) and None
        )
    )
    setting.losses(seen()).total().backward()
    assert gradients[0].all()


def test_positions_cannot_be_predicted_by_an_encoder_that_is_told_them() -> None:
    objective = MaskedPrediction(config_of("mp3"))
    assert unmet(objective.requires, offered(("view",), AttendingEncoder(positions=False))) == []
    assert "needs an encoder with: positions:none" in unmet(objective.requires, offered(("v",)))[0]


def test_donors_come_from_other_instances_and_a_batch_of_one_has_none() -> None:
    config = config_of("gmml")
    assert MaskedPrediction(config).requires.batch == 2
    entered: list[Tensor] = []

    class Watching(TokenEncoder):
        def forward(self, value: Any, **options: Any) -> Encoding:
            entered.append(value.values)
            return super().forward(value, **options)

    setting = made(replace(config, fill=replace(config.fill, donor=1.0)), Watching())
    mask = RandomMask(ratio=0.5)(
        BATCH, (4, 4), mode="replace", generator=torch.Generator().manual_seed(1)
    )
    setting.losses(seen(mask=mask))
    encoder = setting.encoders["signal"]
    assert isinstance(encoder, TokenEncoder)
    own = encoder.tokenize(values()).values
    wanted = torch.where(mask.hidden[..., None], own.roll(1, 0), own)
    torch.testing.assert_close(entered[0], wanted)


def test_both_sides_of_selfies_contrast_learn() -> None:
    setting = made(config_of("selfie"))
    mask = RandomMask()(BATCH, (4, 4), mode="drop", generator=torch.Generator().manual_seed(1))
    value = values().requires_grad_()
    setting.losses(Views([View(value=value, modality="signal", mask=mask)])).total().backward()
    assert value.grad is not None
    assert value.grad[mask.hidden].any(1).all(), "hidden tokens are candidates"
    assert value.grad[~mask.hidden].any(1).all(), "visible ones are what is looked at"
    assert isinstance(setting.objective, MaskedPrediction)
    assert isinstance(setting.objective.config.loss, ContrastWithin)


CAE = ContextAutoencoderConfig(
    decoder=SMALL,
    regressor=TransformerDecoder(width=8, depth=1, heads=2),
    mask=RandomMask(ratio=0.5),
)


def test_the_alignment_of_cae_is_to_the_encoders_own_latents_of_hidden_tokens() -> None:
    setting = made(CAE)
    mask = RandomMask(ratio=0.5)(
        BATCH, (4, 4), mode="drop", generator=torch.Generator().manual_seed(1)
    )
    latents: list[Tensor] = []
    setting.head("regressor").register_forward_hook(lambda *call: latents.append(call[2]))
    losses = setting.losses(seen(mask=mask))
    assert set(losses.terms) == {"reconstruction", "alignment"}
    rest = Mask(~mask.hidden, "drop", SIZE - SIZE // 2)
    encoder = setting.encoders["signal"]
    wanted = encoder(values(), mask=rest).tokens
    every = torch.ones(wanted.shape[:2], dtype=torch.bool)
    error = masked_mean_squared_error(latents[0], wanted, every)
    torch.testing.assert_close(losses.terms["alignment"], 2.0 * error)


def test_alignment_moves_the_prediction_and_not_what_it_is_aligned_to() -> None:
    setting = made(CAE)
    mask = RandomMask(ratio=0.5)(
        BATCH, (4, 4), mode="drop", generator=torch.Generator().manual_seed(1)
    )
    value = values().requires_grad_()
    view = View(value=value, modality="signal", mask=mask)
    setting.losses(Views([view])).terms["alignment"].backward()
    assert value.grad is not None
    assert not value.grad[mask.hidden].any()
    assert value.grad[~mask.hidden].any()


def test_what_is_seen_reaches_the_decoder_of_cae_through_predicted_latents_alone() -> None:
    setting = made(CAE)
    nn.init.zeros_(setting.head("regressor").get_submodule("norm").weight)  # type: ignore[arg-type]
    answers: list[Tensor] = []
    setting.head("decoder").register_forward_hook(lambda *call: answers.append(call[2]))
    mask = RandomMask(ratio=0.5)(
        BATCH, (4, 4), mode="drop", generator=torch.Generator().manual_seed(1)
    )
    for seed in (0, 1):
        view = View(value=values(seed=seed), modality="signal", mask=mask)
        setting.losses(Views([view]))
    torch.testing.assert_close(answers[0], answers[1])


def test_what_cae_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="CAE: wanted mode='drop'"):
        replace(CAE, mode="replace")
    with pytest.raises(ValueError, match="alignment: wanted"):
        replace(CAE, alignment=-1.0)
    with pytest.raises(ValueError, match="wanted tokens on a grid"):
        made(CAE, TokenEncoder(grid=None))
    assert ContextAutoencoder(CAE).requires == replace(
        Requirements(), capabilities=ContextAutoencoder(CAE).requires.capabilities
    )
