from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Generator, Tensor
from torch.nn import functional

from tacit.contract import Mask
from tacit.methods import Learner
from tacit.objectives import MaskedPrediction
from tacit.training.loop import Trainer
from tacit.training.optimizers import AdamW
from tacit.training.parallel import World
from tacit.training.settings import Training
from tacit_tabular.bags import Bag, Bags
from tacit_tabular.data import BagSource, DrawnBags, DrawnBagsConfig
from tacit_tabular.encoders import BagTransformer, BagTransformerConfig, ItemTarget
from tacit_tabular.methods import labrador
from tacit_tabular.views import SubBags, SubBagsConfig, WholeBag, WholeBagConfig


def bags(count: int = 6, split: str = "train") -> Bags:
    source = DrawnBags(DrawnBagsConfig(split=split))  # type: ignore[arg-type]
    value = source.fetch(range(count)).values["bag"]
    assert isinstance(value, Bags)
    return value


def encoder_of(value: Bags) -> BagTransformer:
    torch.manual_seed(0)
    config = BagTransformerConfig(codes=value.vocabulary, width=16, depth=2, heads=2)
    return BagTransformer(config).eval()


def turned(value: Bags, order: Tensor) -> Bags:
    return replace(
        value,
        codes=value.codes[:, order],
        values=value.values[:, order],
        valid=value.valid[:, order],
    )


def test_the_order_of_items_changes_no_vector_of_a_bag_and_permutes_its_tokens() -> None:
    value = bags()
    encoder = encoder_of(value).double()
    assert not encoder.spec.positions
    order = torch.randperm(value.codes.shape[1], generator=Generator().manual_seed(1))
    ours, theirs = encoder(value), encoder(turned(value, order))
    torch.testing.assert_close(ours.pooled, theirs.pooled, atol=1e-6, rtol=0)
    assert ours.tokens is not None
    there = value.valid[:, order]
    torch.testing.assert_close(ours.tokens[:, order][there], theirs.tokens[there])


def test_padding_is_never_looked_at() -> None:
    value = bags()
    encoder = encoder_of(value).double()
    wide = value.padded(40)
    noisy = replace(wide, values=wide.values.where(wide.valid, 1e6), codes=wide.codes.clamp(min=0))
    torch.testing.assert_close(encoder(value).pooled, encoder(noisy).pooled)


def test_what_a_hidden_item_holds_does_not_reach_the_encoder() -> None:
    value = bags()
    encoder = encoder_of(value)
    hidden = torch.zeros_like(value.valid)
    hidden[:, 0] = True
    other = replace(value, codes=value.codes.clone(), values=value.values.clone())
    other.codes[:, 0], other.values[:, 0] = 0, 0.0
    mask = Mask(hidden, "replace")
    one, two = encoder(value, mask=mask), encoder(other, mask=mask)
    torch.testing.assert_close(one.pooled, two.pooled)
    assert not torch.allclose(encoder(value).pooled, encoder(other).pooled)
    with pytest.raises(ValueError, match="supports mask modes: replace"):
        encoder(value, mask=Mask(hidden, "drop", 1))


def test_unknown_codes_and_missing_values_are_values_of_their_own() -> None:
    value = bags(1)
    encoder = encoder_of(value)
    unknown = replace(value, codes=torch.full_like(value.codes, -1))
    missing = replace(value, values=torch.full_like(value.values, torch.nan))
    vectors = [encoder(each).pooled for each in (value, unknown, missing)]
    assert all(vector.isfinite().all() for vector in vectors)
    assert all(not torch.allclose(vectors[0], vector) for vector in vectors[1:])


def test_bags_of_another_vocabulary_are_refused() -> None:
    encoder = encoder_of(bags())
    other = BagSource([["x"]], [[1.0]]).fetch([0]).values["bag"]
    with pytest.raises(ValueError, match=r"wanted the 12 codes.*got 1 .*new \['x'\]"):
        encoder(other)
    with pytest.raises(ValueError, match="codes: wanted at least one"):
        BagTransformer(BagTransformerConfig())(other)


def test_the_error_is_the_codes_cross_entropy_and_the_values_squared_distance() -> None:
    value = bags(32)
    target = ItemTarget(value.vocabulary, width=8)
    content = target(value)
    prediction = torch.randn(*value.codes.shape, 8, generator=Generator().manual_seed(0))
    hidden = value.valid.clone()
    hidden[0] = False
    scores, guessed = target.answers(prediction)
    assert guessed.min() > 0
    assert guessed.max() < 1
    codes = functional.cross_entropy(scores[hidden], value.codes[hidden])
    share = content[..., 1]
    valued = hidden & ~value.values.isnan()
    assert 0 < valued.sum() < hidden.sum()
    expected = codes + functional.mse_loss(guessed[valued], share[valued])
    torch.testing.assert_close(target.error(prediction, content, hidden), expected)


def test_items_without_an_answer_give_no_gradient() -> None:
    value = bags()
    value.codes[1] = -1
    target = ItemTarget(value.vocabulary, width=8)
    prediction = torch.randn(*value.codes.shape, 8, requires_grad=True)
    target.error(prediction, target(value), value.valid).backward()
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()
    assert not prediction.grad[1].any()
    assert not prediction.grad[~value.valid].any()
    assert prediction.grad[0][value.valid[0]].abs().sum(1).min() > 0


def test_the_value_is_predicted_from_the_codes_that_are_guessed() -> None:
    value = bags()
    target = ItemTarget(value.vocabulary, width=8)
    prediction = torch.randn(*value.codes.shape, 8)
    _, before = target.answers(prediction)
    with torch.no_grad():
        target.code[-1].bias[0] += 10.0  # type: ignore[operator,union-attr]
    assert not torch.allclose(before, target.answers(prediction)[1])


def test_one_item_of_every_bag_is_hidden() -> None:
    (stage,) = labrador().stages
    value = bags(32)
    valid, generator = value.valid, Generator().manual_seed(0)
    mask = stage.config.mask(
        32, (valid.shape[1],), mode="replace", generator=generator, valid=valid
    )
    assert mask.hidden.sum(1).tolist() == [1] * 32
    assert not (mask.hidden & ~valid).any()


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_sub_bags_keep_their_share_and_one_item_at_least(share: float) -> None:
    value = bags(32)
    views = SubBags(SubBagsConfig(share=share))(value, Generator().manual_seed(0))
    for view in views:
        kept = view.value.valid
        assert not (kept & ~value.valid).any()
        assert torch.equal(kept, view.meta["kept"])
        sizes = value.valid.sum(1)
        assert torch.equal(kept.sum(1), (share * sizes.double() - 1e-9).ceil().clamp(min=1).long())
    assert share == 1.0 or not torch.equal(views[0].value.valid, views[1].value.valid)


def test_hidden_items_are_predicted_better_than_by_what_is_common() -> None:
    source = DrawnBags(DrawnBagsConfig(count=1024))
    torch.manual_seed(0)
    encoder = BagTransformer(
        BagTransformerConfig(codes=source.vocabulary, width=32, depth=2, heads=4)
    )
    objective = MaskedPrediction(labrador().stages[0].config)
    learner = Learner(
        encoders={"bag": encoder},
        objective=objective,
        augmentations={"bag": WholeBag(WholeBagConfig())},
        modalities={"bag": Bag()},
        seed=0,
    )
    settings = Training(steps=200, batch=128, watch_every=0, optimizer=AdamW(lr=3e-3))
    world = World(device=torch.device("cpu"))
    Trainer(learner=learner, source=source, settings=settings, seed=0, world=world).run()
    code, value = _errors(objective, encoder.eval(), bags(128, "test"))
    assert code < math.log(12) - 0.1
    assert value < 0.85 / 12  # the squared error of the mean: the variance of a share


@torch.no_grad()
def _errors(
    objective: MaskedPrediction, encoder: BagTransformer, value: Bags
) -> tuple[float, float]:
    """Both errors on the first item of every bag, hidden from the encoder."""
    hidden = torch.zeros_like(value.valid)
    hidden[:, 0] = True
    mask = Mask(hidden, "replace")
    target = objective.target["bag"].target
    assert isinstance(target, ItemTarget)
    scores, guessed = target.answers(objective.decoder["bag"](encoder(value, mask=mask), mask))
    share = target(value)[:, 0, 1]
    squared = (guessed[:, 0] - share).square().nanmean()
    return functional.cross_entropy(scores[:, 0], value.codes[:, 0]).item(), squared.item()
