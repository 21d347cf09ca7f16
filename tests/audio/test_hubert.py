"""HuBERT: its head, its clusters, its two iterations in one run that may be killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tests.core.needs.toys import Log
from tests.core.toys import ToyContext
from torch.nn import functional

from tacit.contract import DataInfo, EncoderSpec, Encoding, Mask, View, Views
from tacit.functional import masked_cross_entropy
from tacit.methods import Learner
from tacit.nn import CosineDecoder, InputTarget, KMeansTarget, k_means
from tacit.nn.cosine_head import CosineHead
from tacit.objectives import MaskedPrediction
from tacit.training.loop import Trainer
from tacit.training.parallel import World
from tacit.training.settings import Training
from tacit_audio import methods
from tacit_audio.data import Folder, FolderConfig
from tacit_audio.encoders import Wav2Vec2, Wav2Vec2Config
from tacit_audio.modality import Audio
from tacit_audio.sound import Sound
from tacit_audio.views import Masked

RATE, CLIPS = 8000, 20
SMALL = Wav2Vec2Config(
    rate=RATE, filters=8, width=16, depth=2, heads=2, kernels=(10, 3, 3, 3), strides=(5, 2, 2, 2)
)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of different lengths and pitches, as files."""
    folder = tmp_path_factory.mktemp("recordings")
    draw = np.random.default_rng(0)
    for number in range(CLIPS):
        seconds = 0.2 + 0.02 * number
        time = np.arange(int(seconds * RATE)) / RATE
        tone = np.sin(2 * np.pi * (150 + 40 * number) * time * (1 + time))
        wave = 0.3 * tone + 0.02 * draw.standard_normal(len(time))
        soundfile.write(folder / f"{number:02}.wav", wave.astype(np.float32), RATE)
    return folder


def test_the_head_scores_as_torchaudios_and_fairseqs() -> None:
    components = pytest.importorskip("torchaudio.models.wav2vec2.components")
    theirs = components.LogitGenerator(16, 9, 6, skip_masked=False, skip_nomask=True)
    spec = EncoderSpec(modality="audio", width=16, tokens="dense")
    ours = CosineHead(CosineDecoder(width=6), spec, 9)
    ours.project.load_state_dict(theirs.final_proj.state_dict())
    ours.codes.data.copy_(theirs.label_embeddings)
    tokens, label = torch.randn(3, 7, 16), torch.randint(9, (3, 7))
    hidden = torch.rand(3, 7) < 0.5
    scores = ours(Encoding(pooled=tokens.mean(1), tokens=tokens), Mask(hidden, "replace"))
    logits, _ = theirs(tokens, label, hidden, ~hidden)  # the right code first
    torch.testing.assert_close(
        masked_cross_entropy(scores, label, hidden),
        functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long)),
    )


def trainer_of(target: KMeansTarget, folder: Path, log: Log, **settings: Any) -> Trainer:
    """The first stage, with other clusters, on waveforms."""
    torch.manual_seed(0)
    config = replace(methods.hubert().stages[0].config, target=target)
    usual = {"steps": 1, "batch": 4, "watch_every": 0, "workers": 0, "log_every": 1}
    return Trainer(
        learner=Learner(
            encoders={"audio": Wav2Vec2(SMALL)},
            objective=MaskedPrediction(config),
            augmentations={"audio": Masked()},
            modalities={"audio": Audio()},
        ),
        source=Folder(FolderConfig(path=folder)),
        settings=Training(**(usual | settings)),
        seed=0,
        world=World(device=torch.device("cpu")),
        sinks=[log],
    )


def clusters_of(trainer: Trainer) -> torch.Tensor:
    objective = trainer.learner.objective
    assert isinstance(objective, MaskedPrediction)
    return objective.target_of("audio").get_buffer("centres")


def test_no_padding_is_clustered_and_every_frame_counts_once(recordings: Path) -> None:
    target = KMeansTarget(of=InputTarget(), codes=5, tokens=200)
    trainer = trainer_of(target, recordings, Log())
    trainer.run()
    encoder, source = Wav2Vec2(SMALL), Folder(FolderConfig(path=recordings))
    frames = [
        encoder.token_targets(source.fetch([index]).values["audio"])[0].roll(-index, 0)
        for index in range(CLIPS)
    ]
    wanted = k_means(torch.cat(frames), 5, seed=0)
    torch.testing.assert_close(clusters_of(trainer), wanted, atol=1e-4, rtol=1e-4)


def test_clusters_do_not_depend_on_what_is_passed_over_at_once(recordings: Path) -> None:
    target = KMeansTarget(of=InputTarget(), codes=4, tokens=3)
    found = []
    for batch in (3, 20):
        trainer = trainer_of(target, recordings, Log(), batch=batch)
        trainer.run()
        found.append(clusters_of(trainer))
    torch.testing.assert_close(*found, atol=1e-4, rtol=1e-4)


def test_a_clip_has_one_loss_alone_and_padded() -> None:
    """The clusters of its frames are the same too."""
    torch.manual_seed(0)
    target = KMeansTarget(of=InputTarget(), codes=5)
    config = replace(methods.hubert().stages[0].config, target=target)
    encoder, objective = Wav2Vec2(SMALL), MaskedPrediction(config)
    objective.build({"audio": encoder.spec}, DataInfo(instances=4))
    objective.target_of("audio").get_buffer("centres").normal_()
    alone = Sound(wave=0.1 * torch.randn(1, 1, 4000), rate=RATE)
    padded = replace(alone.padded(7000), lengths=torch.tensor([4000]))
    padded.wave[:, :, 4000:] = 5.0  # whatever lies there
    tokens, more = (encoder.tokenize(value).values.shape[1] for value in (alone, padded))
    hidden = torch.rand(1, tokens) < 0.5
    beyond = torch.zeros(1, more - tokens, dtype=torch.bool)
    found = [
        objective(
            Views([View(value=value, modality="audio", mask=Mask(where, "replace"))]),
            ToyContext({"audio": encoder}),
        ).terms["reconstruction"]
        for value, where in ((alone, hidden), (padded, torch.cat([hidden, beyond], 1)))
    ]
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


def test_features_that_are_no_numbers_are_refused_by_their_instances(recordings: Path) -> None:
    class Spoilt(Wav2Vec2):
        def token_targets(self, value: Sound) -> torch.Tensor:
            return super().token_targets(value).log()

    trainer = trainer_of(KMeansTarget(of=InputTarget(), codes=4), recordings, Log())
    trainer.learner.encoders["audio"].__class__ = Spoilt
    with pytest.raises(ValueError, match=r"audio features of 20 instances are no finite.*\[0, 1,"):
        trainer.run()


def test_a_step_says_how_good_predictions_and_clusters_are(recordings: Path) -> None:
    log = Log()
    trainer_of(KMeansTarget(of=InputTarget(), codes=4), recordings, log, steps=2).run()
    for name, least, most in (("accuracy", 0, 1), ("majority", 0.25, 1), ("code_perplexity", 1, 4)):
        found = log.column(name)
        assert len(found) == 2
        assert all(least <= value <= most + 1e-5 for value in found)
