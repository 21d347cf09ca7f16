"""wav2vec 2.0: its losses and their gradients are those of transformers, frame for frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.core.toys import ToyContext

from tacit.contract import DataInfo, Losses, Mask, Tokens, View, Views
from tacit.functional import draw_within
from tacit.nn import ContrastWithin, QuantisedTarget
from tacit.nn.decoders import LinearHead
from tacit.nn.quantised import Quantised
from tacit.objectives import MaskedPrediction
from tacit_audio import methods
from tacit_audio.encoders import Wav2Vec2, Wav2Vec2Config
from tacit_audio.export import renamed, wav2vec2_settings
from tacit_audio.sound import Sound, join

transformers: Any = pytest.importorskip("transformers")

RATE, GROUPS, CODES, WIDTH, OUT, DRAWN, SEED = 16_000, 2, 7, 10, 12, 9, 5
SMALL = Wav2Vec2Config(filters=8, width=32, depth=2, heads=2, position_kernel=8)
TARGET = QuantisedTarget(groups=GROUPS, codes=CODES, width=WIDTH, out=OUT, temperature=1.3)


def objective_of(**changed: Any) -> MaskedPrediction:
    (stage,) = methods.wav2vec2().stages
    loss = ContrastWithin(temperature=0.1, normalise=True, distractors=DRAWN)
    return MaskedPrediction(replace(stage.config, target=TARGET, loss=loss, **changed))


def seeded(_quantiser: object, _inputs: object) -> None:
    torch.manual_seed(SEED)


class Pair:
    """Our encoder and objective, and theirs with the same weights."""

    def __init__(self) -> None:
        self.encoder, self.objective = Wav2Vec2(SMALL), objective_of()
        self.objective.build({"audio": self.encoder.spec}, DataInfo())
        sizes = {
            "num_codevector_groups": GROUPS,
            "num_codevectors_per_group": CODES,
            "codevector_dim": WIDTH,
            "proj_codevector_dim": OUT,
            "feat_quantizer_dropout": 0.0,
            "mask_feature_prob": 0.0,
        }
        settings = wav2vec2_settings(self.encoder) | sizes | {"apply_spec_augment": True}
        self.theirs = transformers.Wav2Vec2ForPreTraining(transformers.Wav2Vec2Config(**settings))
        self.theirs.train()
        self.theirs.set_gumbel_temperature(TARGET.temperature)
        self.theirs.wav2vec2.load_state_dict(renamed(self.encoder.state_dict()))
        target, decoder = self.parts
        quantiser = self.theirs.quantizer
        quantiser.weight_proj.load_state_dict(target.score.state_dict())
        quantiser.codevectors.data.copy_(target.codebook.flatten(0, 1)[None])
        self.theirs.project_q.load_state_dict(target.project.state_dict())
        self.theirs.project_hid.load_state_dict(decoder.layer.state_dict())
        # The same Gumbel noise: theirs comes from torch's own generator, next after this.
        quantiser.register_forward_pre_hook(seeded)

    @property
    def parts(self) -> tuple[Quantised, LinearHead]:
        target, decoder = self.objective.target["audio"], self.objective.decoder["audio"]
        assert isinstance(target, Quantised)
        assert isinstance(decoder, LinearHead)
        return target, decoder

    def losses(self, value: Sound, hidden: torch.Tensor) -> Losses:
        ctx = ToyContext({"audio": self.encoder}, seed=SEED)
        view = View(value=value, modality="audio", mask=Mask(hidden, "replace"))
        found: Losses = self.objective(Views([view]), ctx)
        return found

    def their_losses(self, value: Sound, hidden: torch.Tensor) -> Any:
        generator = torch.Generator().manual_seed(SEED)
        torch.empty(*hidden.shape, GROUPS, CODES).exponential_(generator=generator)  # the noise
        drawn = draw_within(hidden, DRAWN, generator)
        row = torch.arange(len(hidden))[:, None, None] * hidden.shape[1]
        waves = [
            wave[0, :count].numpy() for wave, count in zip(value.wave, value.counts, strict=True)
        ]
        extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)
        inputs = extractor(waves, sampling_rate=RATE, padding=True, return_tensors="pt")
        return self.theirs(**inputs, mask_time_indices=hidden, sampled_negative_indices=drawn + row)


@pytest.fixture
def clips() -> tuple[Sound, torch.Tensor]:
    """Padded clips, and frames of theirs that are hidden."""
    value = join([0.1 * torch.randn(1, size) for size in (8000, 5000, 3000)], RATE)
    valid = Wav2Vec2(SMALL).tokenize(value).valid
    assert valid is not None
    return value, (torch.rand(valid.shape) < 0.5) & valid


def test_both_losses_are_those_of_transformers(clips: tuple[Sound, torch.Tensor]) -> None:
    pair, count = Pair(), clips[1].sum()
    ours, theirs = pair.losses(*clips), pair.their_losses(*clips)
    torch.testing.assert_close(
        ours.terms["reconstruction"], theirs.contrastive_loss / count, atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(
        ours.terms["diversity"], 0.1 * theirs.diversity_loss / count, atol=1e-6, rtol=1e-4
    )
    torch.testing.assert_close(ours.total(), theirs.loss / count, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        ours.metrics["code_perplexity"], theirs.codevector_perplexity, atol=1e-4, rtol=1e-4
    )


def test_so_are_their_gradients(clips: tuple[Sound, torch.Tensor]) -> None:
    pair, count = Pair(), clips[1].sum()
    pair.losses(*clips).total().backward()
    (pair.their_losses(*clips).loss / count).backward()
    slopes = {n: p.grad for n, p in pair.encoder.named_parameters() if p.grad is not None}
    wanted = {n: p.grad for n, p in pair.theirs.wav2vec2.named_parameters()}
    found = renamed(slopes)
    assert set(found) == set(wanted)
    for name, slope in found.items():
        torch.testing.assert_close(slope, wanted[name], atol=1e-5, rtol=1e-3, msg=name)
    target, decoder = pair.parts
    for ours, theirs in (
        (target.score.weight, pair.theirs.quantizer.weight_proj.weight),
        (target.project.weight, pair.theirs.project_q.weight),
        (decoder.layer.weight, pair.theirs.project_hid.weight),
    ):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-3)
    assert target.codebook.grad is not None
    theirs = pair.theirs.quantizer.codevectors.grad[0].view_as(target.codebook)
    torch.testing.assert_close(target.codebook.grad, theirs, atol=1e-5, rtol=1e-3)


def test_a_view_is_made_into_tokens_once_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.audio.test_methods import batch_of, learner_of

    encoder, calls = Wav2Vec2(replace(SMALL, rate=8000)), []
    plain = encoder.tokenize

    def counted(value: Sound) -> Tokens:
        calls.append(value)
        return plain(value)

    monkeypatch.setattr(encoder, "tokenize", counted)
    learner = learner_of(methods.wav2vec2(), encoder)
    learner(batch_of(join([torch.randn(1, 8000), torch.randn(1, 6000)], 8000)))
    assert len(calls) == 1


def test_the_penalty_is_the_mean_square_of_frames_that_are_there(
    clips: tuple[Sound, torch.Tensor],
) -> None:
    encoder, objective = Wav2Vec2(SMALL), objective_of(penalty=10.0)
    assert "latents" in objective.requires.capabilities
    objective.build({"audio": encoder.spec}, DataInfo())
    view = View(value=clips[0], modality="audio", mask=Mask(clips[1], "replace"))
    found = objective(Views([view]), ToyContext({"audio": encoder})).terms["penalty"]
    tokens = encoder.tokenize(clips[0])
    assert tokens.energy is not None
    torch.testing.assert_close(found, 10 * tokens.energy[tokens.valid].mean())
