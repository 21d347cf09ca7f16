"""Labels along recordings: read of manifests and tables, refused where they say nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from tacit.contract import Batch, Encoder, Spans
from tacit.evaluation import embed_tokens, raw_tokens
from tacit_audio.data import (
    Folder,
    FolderConfig,
    Manifest,
    ManifestConfig,
    Notes,
    NotesConfig,
)
from tacit_audio.encoders import (
    Cnn,
    CnnConfig,
    SpectrogramTransformer,
    SpectrogramTransformerConfig,
    Wav2Vec2,
    Wav2Vec2Config,
)
from tacit_audio.features.frames import plain_frames
from tacit_audio.modality import Audio
from tacit_audio.sound import join

RATE = 8000
SEGMENTS: tuple[list[list[Any]], ...] = (
    [[0.1, 0.2, "on"]],
    [],
    [[0.0, 0.05, "off"], [0.05, 0.3, "on"]],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three clips of 0.2, 0.3 and 0.4 s."""
    draw = np.random.default_rng(0)
    for number in range(3):
        wave = 0.1 * draw.standard_normal(int((0.2 + 0.1 * number) * RATE))
        soundfile.write(tmp_path / f"{number}.wav", wave, RATE)
    return tmp_path


def manifest(folder: Path, segments: Sequence[object], column: str | None = None) -> Manifest:
    path = folder / "list.jsonl"
    entries = [{"audio": f"{n}.wav", "segments": each} for n, each in enumerate(segments)]
    path.write_text("\n".join(map(json.dumps, entries)))
    return Manifest(ManifestConfig(path=path, segments=column))


def table(folder: Path, head: str = "file,start,end,label") -> Path:
    path = folder / "segments.csv"
    lines = [
        f"{number}.wav,{start},{end},{label}"
        for number, segments in enumerate(SEGMENTS)
        for start, end, label in segments
    ]
    path.write_text("\n".join([head, *lines, "elsewhere.wav,0,1,other"]) + "\n")
    return path


def test_a_column_and_a_table_say_the_same(folder: Path) -> None:
    column = manifest(folder, SEGMENTS).spans()
    texts = manifest(folder, [json.dumps(each) if each else "" for each in SEGMENTS]).spans()
    table(folder)
    beside = Folder(FolderConfig(path=folder)).spans()
    dcase = folder / "strong.csv"
    table(folder, "filename,onset,offset,event_label").rename(dcase)
    named = Folder(FolderConfig(path=folder, segments=dcase)).spans()
    for spans in (column, texts, beside, named):
        assert spans is not None
        assert spans.names is not None
        assert [spans.names[label] for label in spans.label] == ["on", "off", "on"]
        assert spans.instance.tolist() == [0, 2, 2]
        assert spans.start.tolist() == [0.1, 0.0, 0.05]
    assert named is not None
    assert named.names == ("off", "on", "other"), "labels of other parts are known"


def test_clips_left_out_take_their_labels_along(folder: Path) -> None:
    path = folder / "list.jsonl"
    manifest(folder, SEGMENTS)
    settings = ManifestConfig(path=path, shortest=0.35, on_error="skip", gap="none")
    with pytest.warns(UserWarning, match="left out 2 of 3 clips"):
        source = Manifest(settings)
    spans = source.spans()
    assert spans is not None
    assert spans.instance.tolist() == [0, 0]
    assert "labels along them" in source.describe()
    places = torch.tensor([[0.01, 0.1, 0.35]])
    assert spans.names == ("none", "off", "on")
    assert spans.at(torch.tensor([0]), places).tolist() == [[1, 2, 0]]


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ([[], [[0, "x"]], []], r"entry 2: wanted a list of \[start, end, label\]"),
        ([[], "nothing", []], r"entry 2: wanted a list .*got 'nothing'"),
        ([[], [], [[0.3, 0.1, "x"]]], "end after it begins; got 0.3 to 0.1 in instance 2"),
        ([[], [[150, 250, "x"]], []], r"1\.wav is 0\.3 s long; got one that starts at 150: wanted"),
        ([[[0, 0.1, ""]], [], []], "entry 1: wanted a list"),
    ],
)
def test_labels_that_say_nothing_are_refused(
    folder: Path, segments: Sequence[object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        manifest(folder, segments)


def test_a_table_of_other_files_or_columns_is_refused(folder: Path) -> None:
    path = folder / "segments.csv"
    path.write_text("file,start,end,label\nother.wav,0,1,x\n")
    with pytest.raises(ValueError, match=r"none of its 1 lines names one: the first is other.wav"):
        Folder(FolderConfig(path=folder))
    path.write_text("clip,from,to,label\n0.wav,0,1,x\n")
    with pytest.raises(ValueError, match="wanted columns file, start, end, label; got clip, from"):
        Folder(FolderConfig(path=folder))
    with pytest.raises(ValueError, match="no column 'events'"):
        manifest(folder, SEGMENTS, "events")


class Part:
    """A few clips of a source, as one batch."""

    def __init__(self, source: Notes) -> None:
        self.source = source

    def __iter__(self) -> Iterator[Batch]:
        yield self.source.fetch(range(4))

    def spans(self) -> Spans | None:
        return self.source.spans()


SPECTROGRAM = SpectrogramTransformerConfig(
    rate=RATE, mels=32, bands=8, frames=4, width=16, depth=1, heads=2
)


@pytest.mark.parametrize(
    ("encoder", "hop"),
    [
        (SpectrogramTransformer(SPECTROGRAM), 320),
        (Wav2Vec2(Wav2Vec2Config(rate=RATE, filters=8, width=16, depth=1, heads=2)), 320),
        (Cnn(CnnConfig(rate=RATE, filters=4, width=16, stages=2)), 320),
    ],
    ids=["spectrogram", "waveform", "cnn"],
)
def test_every_frame_of_a_melody_has_its_pitch(encoder: Encoder, hop: int) -> None:
    source = Notes(NotesConfig(melody=3, seconds=0.1))
    data, spans = Part(source), source.spans()
    assert spans is not None
    found = embed_tokens(encoder, data, Audio(), most=1000)
    raw = raw_tokens(encoder, data, Audio(), most=1000)
    assert torch.equal(found.index, raw.index)
    assert raw.values.shape[1] == 120
    assert found.label is not None
    for clip in range(4):
        labels = found.label[found.index == clip]
        changes = labels.unique_consecutive().tolist()
        assert changes == spans.label[spans.instance == clip].unique_consecutive().tolist()
        assert abs(len(labels) - round(0.3 * RATE / hop)) <= 2


def test_melodies_have_one_instrument_and_no_one_pitch() -> None:
    assert Notes(NotesConfig()).spans() is None
    with pytest.raises(ValueError, match="have no one pitch"):
        NotesConfig(melody=2, label="pitch")


def test_raw_frames_do_not_know_padding_and_lie_where_tokens_do() -> None:
    wave = torch.zeros(1, 4000)
    wave[0, 2000:2100] = torch.randn(100)
    alone, tokens = join([wave], RATE), 12
    padded = join([wave, torch.randn(1, 9000)], RATE)
    first = plain_frames(alone, 320, 120, tokens)
    second = plain_frames(padded, 320, 120, tokens)
    torch.testing.assert_close(first[0], second[0], rtol=1e-4, atol=1e-4)
    assert first[0, :, :40].sum(1).argmax() == round((2050 - 120) / 320)


def test_an_encoder_that_does_not_say_when_its_tokens_are_is_refused() -> None:
    with pytest.raises(ValueError, match="want an encoder that says when"):
        Audio().places(None, join([torch.zeros(1, 100)], RATE), 3)
