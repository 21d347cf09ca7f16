"""Targets: what they are made of, where codes come from, and what moves a codebook."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.core.needs.toys import Log, Rows, engine, same, weights
from tests.core.objectives.setting import SIMMIM, values
from tests.core.toys import (
    CONTENT,
    SIZE,
    WIDTH,
    AttendingEncoder,
    PackedEncoder,
    TokenEncoder,
    ToyContext,
)
from torch import Tensor

from tacit.contract import Encoder, Encoding, Mask, View
from tacit.functional import normalise_tokens
from tacit.nn import (
    CodebookTarget,
    CrossEntropy,
    Ema,
    InputTarget,
    KMeansTarget,
    LatentTarget,
    PositionTarget,
    QuantisedTarget,
    RandomMask,
    RandomProjectionTarget,
    TokenisedTarget,
    build_target,
    build_teacher,
    k_means,
)
from tacit.nn.codes import Codebook
from tacit.nn.k_means import nearest
from tacit.nn.quantised import Quantised
from tacit.objectives import MaskedPrediction

VIEW = View(value=values(), modality="signal")


def context(encoder: Encoder, teacher: bool = False) -> ToyContext:
    encoders = torch.nn.ModuleDict({"signal": encoder})
    teachers = {"teacher": build_teacher(Ema(), encoders, {}, seed=0)} if teacher else {}
    return ToyContext({"signal": encoder}, teachers=teachers)


def test_latents_are_the_teachers_last_layers_each_normalised_then_averaged() -> None:
    encoder = AttendingEncoder()
    ctx = context(encoder, teacher=True)
    taught = ctx.encode(VIEW, which="teacher", taps=(2, 3))
    for normalise, axis in (("token", 2), ("instance", 1)):
        target = build_target(LatentTarget(layers=2, normalise=normalise), encoder.spec)  # type: ignore[arg-type]
        wanted = []
        for tap in (2, 3):
            layer = taught.layers[tap]
            deviation, mean = torch.std_mean(layer, axis, keepdim=True, correction=axis == 2)
            wanted.append((layer - mean) / deviation)
        got = target(VIEW, ctx)
        assert not got.requires_grad
        torch.testing.assert_close(got, torch.stack(wanted).mean(0), atol=1e-3, rtol=1e-3)
    output = build_target(LatentTarget(normalise="none"), encoder.spec)(VIEW, ctx)
    torch.testing.assert_close(output, taught.tokens)


def test_a_depth_chooses_an_earlier_layer_and_needs_one_to_choose() -> None:
    encoder = AttendingEncoder()
    ctx = context(encoder, teacher=True)
    middle = LatentTarget(layers=1, depth=0.5, normalise="none")
    wanted = ctx.encode(VIEW, which="teacher", taps=(2,)).layers[2]  # of three
    torch.testing.assert_close(build_target(middle, encoder.spec)(VIEW, ctx), wanted)
    with pytest.raises(ValueError, match="no effect on the encoder's output"):
        LatentTarget(depth=0.5)


def test_a_quantised_token_is_one_code_of_each_group_and_its_gradient_reaches_all_scores() -> None:
    encoder = TokenEncoder()
    target = build_target(QuantisedTarget(groups=2, codes=3, width=4, out=5), encoder.spec)
    assert isinstance(target, Quantised)
    content = target(VIEW, context(encoder))
    number = target.alike()
    places = torch.stack([number % 3, number // 3], dim=-1)  # of each group
    codes = torch.stack([target.codebook[0][places[..., 0]], target.codebook[1][places[..., 1]]])
    wanted = target.project(torch.cat(list(codes), dim=-1))
    torch.testing.assert_close(content, wanted)
    (slope,) = torch.autograd.grad(content.square().sum(), target.score.bias)
    assert (slope != 0).all()
    again = target(VIEW, context(encoder))  # the same generator
    torch.testing.assert_close(again, content)


def test_codes_say_how_many_were_right_and_how_even_they_are() -> None:
    target = build_target(RandomProjectionTarget(codes=4, width=3), TokenEncoder().spec)
    content = torch.tensor([[0, 0, 1, 3, 2]])
    hidden = torch.tensor([[True, True, True, True, False]])
    predicted = torch.eye(4)[torch.tensor([[0, 1, 1, 1, 2]])]
    target.judge(predicted, content, hidden)
    found = target.metrics()
    assert [float(found[name]) for name in ("accuracy", "majority")] == [0.5, 0.5]
    entropy = -(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25))
    assert float(found["code_perplexity"]) == pytest.approx(math.exp(entropy))


def test_statistics_of_a_batch_are_over_all_its_tokens_dense_or_packed() -> None:
    for encoder, value in ((AttendingEncoder(), values()), (PackedEncoder(), values()[:, 0])):
        target = build_target(LatentTarget(normalise="batch"), encoder.spec)
        view = View(value=value, modality="signal")
        flat = target(view, context(encoder, teacher=True)).view(-1, WIDTH)
        torch.testing.assert_close(flat.mean(0), torch.zeros(WIDTH), atol=1e-5, rtol=0)
        assert ((flat.var(0, correction=0) - 1).abs() < 1e-2).all()


class Padded(AttendingEncoder):
    """The last four tokens of every row are padding."""

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        encoding = super().forward(value, mask=mask, taps=taps)
        valid = (torch.arange(SIZE) < SIZE - 4).expand(len(encoding.pooled), -1)
        return replace(encoding, valid=valid)


def test_statistics_over_an_instance_leave_its_padding_out() -> None:
    encoder = Padded()
    ctx = context(encoder, teacher=True)
    over = build_target(LatentTarget(layers=1, normalise="batch"), encoder.spec)(VIEW, ctx)
    there = over[:, : SIZE - 4].flatten(0, 1)
    torch.testing.assert_close(there.mean(0), torch.zeros(WIDTH), atol=1e-5, rtol=0)
    target = build_target(LatentTarget(layers=1, normalise="instance"), encoder.spec)
    found = target(VIEW, ctx)[:, : SIZE - 4]
    torch.testing.assert_close(found.mean(1), torch.zeros(8, WIDTH), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.var(1, correction=0), torch.ones(8, WIDTH), atol=1e-2, rtol=0)


def test_latents_that_the_encoder_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="has 3 to tap; got 4"):
        build_target(LatentTarget(layers=4), AttendingEncoder().spec)
    needs = LatentTarget(normalise="instance").needs.capabilities
    assert "tokens:dense" in needs - PackedEncoder().spec.capabilities()


def test_positions_are_counted_along_the_grid() -> None:
    encoder = AttendingEncoder(positions=False)
    target = build_target(PositionTarget(), encoder.spec)
    assert target.width == SIZE
    assert torch.equal(target(VIEW, context(encoder)), torch.arange(SIZE).expand(8, -1))
    with pytest.raises(ValueError, match="wanted tokens on a grid"):
        build_target(PositionTarget(), TokenEncoder(grid=None).spec)


def test_only_tokenised_targets_let_a_gradient_through() -> None:
    encoder = AttendingEncoder()
    ctx = context(encoder, teacher=True)
    for config in (InputTarget(), LatentTarget(), CodebookTarget(), RandomProjectionTarget()):
        assert not build_target(config, encoder.spec)(VIEW, ctx).requires_grad
    assert build_target(TokenisedTarget(), encoder.spec)(VIEW, ctx).requires_grad


def test_codes_of_a_random_projection_are_the_nearest_random_vectors_to_it() -> None:
    encoder = TokenEncoder()
    target = build_target(RandomProjectionTarget(codes=7, width=4, seed=3), encoder.spec)
    projection, centres = (getattr(target, name) for name in ("projection", "centres"))
    assert projection.abs().max() <= math.sqrt(6 / (CONTENT + 4))
    projected = normalise_tokens(values()) @ projection
    cosine = torch.nn.functional.normalize(projected, dim=-1) @ centres.T
    assert torch.equal(target(VIEW, context(encoder)), cosine.argmax(-1))
    again = build_target(RandomProjectionTarget(codes=7, width=4, seed=3), encoder.spec)
    other = build_target(RandomProjectionTarget(codes=7, width=4, seed=4), encoder.spec)
    assert torch.equal(again.get_buffer("centres"), centres)
    assert not torch.equal(other.get_buffer("centres"), centres)
    assert set(target.state_dict()) == {"projection", "centres"}


def test_k_means_finds_clusters_that_are_far_apart() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(4, (400,), generator=generator)
    middle = 10 * torch.randn(4, 3, generator=generator)
    rows = middle[truth] + 0.1 * torch.randn(400, 3, generator=generator)
    centres = k_means(rows, 4, seed=0)
    label = nearest(rows, centres)
    assert len({(int(a), int(b)) for a, b in zip(truth, label, strict=True)}) == 4
    for number in range(4):
        torch.testing.assert_close(centres[number], rows[label == number].mean(0))
    assert torch.equal(centres, k_means(rows, 4, seed=0))


def test_k_means_leaves_no_cluster_empty_where_rows_are_few_or_alike() -> None:
    rows = torch.eye(5)
    assert set(nearest(rows, k_means(rows, 5, seed=1)).tolist()) == set(range(5))
    assert k_means(torch.ones(6, 2), 3, seed=0).isfinite().all()
    with pytest.raises(ValueError, match="1 to 5 clusters"):
        k_means(rows, 6, seed=0)


def masked(target: Any) -> MaskedPrediction:
    return MaskedPrediction(replace(SIMMIM, target=target, loss=CrossEntropy()))


def test_clusters_of_the_data_are_made_before_the_first_step_and_codes_are_learnt() -> None:
    objective, log = masked(KMeansTarget(codes=4, of=InputTarget())), Log()
    source = Rows(signal=values(24))
    engine(
        objective, encoders={"signal": TokenEncoder()}, source=source, log=log, steps=40, batch=8
    ).run()
    target = objective.target_of("signal")
    wanted = k_means(_every_fourth(values(24)), 4, seed=0)
    torch.testing.assert_close(target.get_buffer("centres"), wanted)
    losses = log.column("loss/reconstruction")
    assert sum(losses[-5:]) < sum(losses[:5])


def test_clusters_are_made_of_no_more_tokens_than_set() -> None:
    found = []
    for most in (8, 1 << 18):
        objective = masked(KMeansTarget(codes=4, of=InputTarget(), most=most))
        engine(objective, encoders={"signal": TokenEncoder()}, source=Rows(signal=values(24))).run()
        found.append(objective.target_of("signal").get_buffer("centres").clone())
    assert not torch.equal(*found)
    with pytest.raises(ValueError, match="most: wanted at least 4, the codes; got 3"):
        KMeansTarget(codes=4, most=3)


def test_clusters_of_an_epoch_are_not_made_anew_within_it() -> None:
    """As a run that is resumed would: its encoder has moved since."""
    objective = masked(KMeansTarget(codes=3, of=LatentTarget(layers=1), refresh="epoch"))
    run = engine(
        objective,
        encoders={"signal": AttendingEncoder()},
        source=Rows(signal=values(16)),
        teachers={"teacher": Ema(momentum=0.0)},
        epochs=2,
        batch=8,
    )
    run.run()
    before = objective.target_of("signal").get_buffer("centres").clone()
    again = ToyContext({})  # makes no passes
    again.epoch = 1
    objective.before_epoch(again)
    assert torch.equal(objective.target_of("signal").get_buffer("centres"), before)


def _every_fourth(rows: Tensor) -> Tensor:
    place = (torch.arange(len(rows))[:, None] + torch.arange(4) * 4) % SIZE
    return rows.gather(1, place[..., None].expand(-1, -1, CONTENT)).flatten(0, 1)


def test_clusters_of_moving_features_are_made_anew_each_epoch_where_that_is_asked() -> None:
    found = []
    for refresh in ("stage", "epoch"):
        of = LatentTarget(layers=1)
        objective = masked(KMeansTarget(codes=3, of=of, refresh=refresh))
        run = engine(
            objective,
            encoders={"signal": AttendingEncoder()},
            source=Rows(signal=values(16)),
            teachers={"teacher": Ema(momentum=0.0)},
            epochs=2,
            batch=8,
        )
        run.run()
        found.append(objective.target_of("signal").get_buffer("centres").clone())
    assert not torch.equal(*found)


class Twice(PackedEncoder):
    """Two tokens an instance."""

    def token_targets(self, value: Tensor) -> Tensor:
        return value.repeat(2, 1)


def test_packed_tokens_that_are_no_instances_are_refused() -> None:
    objective = masked(KMeansTarget(codes=3))
    source = Rows(signal=values(8)[:, 0])
    run = engine(objective, encoders={"signal": Twice()}, source=source)
    with pytest.raises(ValueError, match="one for each of the 4 instances; got 8"):
        run.run()


def test_packed_tokens_that_are_instances_are_clustered_each_once() -> None:
    target = KMeansTarget(codes=3, of=InputTarget())
    objective = MaskedPrediction(
        replace(SIMMIM, target=target, loss=CrossEntropy(), mask=RandomMask(ratio=0.5))
    )
    rows = values(8)[:, 0]
    engine(objective, encoders={"signal": PackedEncoder()}, source=Rows(signal=rows)).run()
    found = objective.target_of("signal").get_buffer("centres")
    torch.testing.assert_close(found, k_means(rows, 3, seed=0))


def test_codes_of_codes_are_refused() -> None:
    spec = replace(TokenEncoder().spec, target_width=None, vocabulary=9)
    with pytest.raises(ValueError, match="codes already, of a vocabulary of 9"):
        build_target(KMeansTarget(of=InputTarget()), spec)


def codebook(decay: float = 0.5) -> tuple[Codebook, ToyContext]:
    encoder = TokenEncoder()
    target = build_target(
        CodebookTarget(codes=5, decay=decay, of=InputTarget(normalise=True)), encoder.spec
    )
    assert isinstance(target, Codebook)
    return target, context(encoder)


def test_entries_move_towards_the_mean_of_what_fell_to_them_among_the_tokens_asked_for() -> None:
    target, ctx = codebook()
    before = target.centres.clone()
    codes = target(VIEW, ctx)
    hidden = torch.rand(8, SIZE, generator=torch.Generator().manual_seed(0)) < 0.4
    target.observe(hidden)
    assert torch.equal(target.centres, before), "nothing moves before the step is over"
    target.settle()
    features = normalise_tokens(values())
    for number in range(5):
        mine = features[hidden & (codes == number)]
        if len(mine):
            total, count = 0.5 * before[number] + 0.5 * mine.sum(0), 0.5 + 0.5 * len(mine)
            torch.testing.assert_close(target.centres[number], total / count)
        else:
            assert torch.equal(target.centres[number], before[number])


def test_nothing_moves_a_codebook_in_evaluation_or_where_nothing_was_asked() -> None:
    target, ctx = codebook()
    before = target.centres.clone()
    target.settle()
    target.eval()
    target(VIEW, ctx)
    target.observe(torch.ones(8, SIZE, dtype=torch.bool))
    target.settle()
    target.train()
    target(VIEW, ctx)
    target.observe(torch.zeros(8, SIZE, dtype=torch.bool))
    target.settle()
    torch.testing.assert_close(target.centres, before)


def test_parts_of_a_batch_move_a_codebook_as_the_whole_does() -> None:
    whole, ctx = codebook()
    parts, _ = codebook()
    ones = torch.ones(8, SIZE, dtype=torch.bool)
    whole(VIEW, ctx)
    whole.observe(ones)
    for rows in (slice(0, 4), slice(4, 8)):
        parts(View(value=values()[rows], modality="signal"), ctx)
        parts.observe(ones[rows])
    whole.settle()
    parts.settle()
    torch.testing.assert_close(whole.centres, parts.centres)


@pytest.mark.parametrize(
    "target",
    [CodebookTarget(codes=5, of=InputTarget(normalise=True)), KMeansTarget(codes=5)],
    ids=["codebook", "k-means"],
)
def test_a_run_that_was_stopped_ends_with_the_same_codes_bit_for_bit(
    target: Any, tmp_path: Path
) -> None:
    def run(folder: str, stop_at: int | None = None) -> dict[str, Tensor]:
        torch.manual_seed(1)
        trainer = engine(
            masked(target),
            encoders={"signal": TokenEncoder()},
            source=Rows(signal=values(16)),
            folder=tmp_path / folder,
            stop_at=stop_at,
            steps=6,
            batch=4,
        )
        trainer.run()
        return weights(trainer.learner)

    whole = run("whole")
    run("stopped", stop_at=3)
    assert same(run("stopped"), whole)


@pytest.mark.parametrize(
    "make",
    [
        lambda: CodebookTarget(decay=1.0),
        lambda: RandomProjectionTarget(codes=1),
        lambda: KMeansTarget(tokens=0),
        lambda: LatentTarget(layers=-1),
        lambda: LatentTarget(layers=1, depth=0.0),
        lambda: QuantisedTarget(groups=3, width=8),
        lambda: QuantisedTarget(temperature=0.0),
    ],
)
def test_numbers_out_of_range_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="wanted"):
        make()


def test_a_teacher_whose_features_became_alike_is_told_by_their_deviation() -> None:
    hidden = torch.rand(4, SIZE) < 0.5
    target = build_target(LatentTarget(layers=1), AttendingEncoder().spec)
    content = torch.randn(4, SIZE, WIDTH)
    target.judge(torch.zeros_like(content), content, hidden)
    found = target.metrics()
    wanted = content[hidden].var(0, correction=0).mean().sqrt()
    torch.testing.assert_close(found["target_deviation"], wanted)
    assert found["predicted_deviation"] == 0
