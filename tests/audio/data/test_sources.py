"""Sources read what is there, and say what is wrong with what they cannot read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tacit.data import Draw
from tacit_audio.data import (
    Folder,
    Hub,
    Manifest,
    Notes,
    NotesConfig,
    Parquet,
    SoundsInMemory,
)

RATE = 8000


def write(path: Path, seconds: float = 0.1, rate: int = RATE, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    wave = 0.1 * draw.standard_normal((round(seconds * rate), channels))
    soundfile.write(path, wave, rate)
    return path


def clips(folder: Path) -> Path:
    for label in ("cat", "dog"):
        for number, suffix in enumerate(("wav", "flac", "ogg")):
            write(folder / label / f"{number}.{suffix}", 0.1 * (number + 1))
    return folder


def test_a_folder_is_read_with_its_classes(tmp_path: Path) -> None:
    source = Folder(Folder.Config(path=clips(tmp_path)))
    batch = source.fetch([0, 5])
    assert len(source) == 6
    assert source.label_names == ("cat", "dog")
    assert batch.label.tolist() == [0, 1]
    assert batch.values["audio"].rate == RATE
    assert sorted(batch.values["audio"].counts.tolist()) == [800, 2400]
    assert Folder.recognises(str(tmp_path))


def test_formats_are_told_by_what_they_hold(tmp_path: Path) -> None:
    source = Folder(Folder.Config(path=clips(tmp_path)))
    wav, flac = source.fetch([0, 1]).values["audio"].silenced()[:, :, :800]
    torch.testing.assert_close(wav, flac, atol=1e-3, rtol=0.0)


def test_decoding_as_needed_gives_what_memory_gives(tmp_path: Path) -> None:
    path = clips(tmp_path)
    kept, anew = (Folder(Folder.Config(path=path, cache=c)) for c in ("memory", "off"))  # type: ignore[arg-type]
    assert anew.decodes
    assert not kept.decodes
    assert torch.equal(
        kept.fetch([0, 3]).values["audio"].wave, anew.fetch([0, 3]).values["audio"].wave
    )
    assert kept.fingerprint() == anew.fingerprint()


@pytest.mark.parametrize("cache", ["memory", "off"])
def test_training_reads_random_excerpts_and_the_same_draw_the_same_one(
    tmp_path: Path, cache: str
) -> None:
    write(tmp_path / "long.wav", 2.0)
    source = Folder(Folder.Config(path=tmp_path, excerpt=0.5, cache=cache))  # type: ignore[arg-type]
    first, again, other = (
        source.fetch_random([0], Draw(seed=0, epoch=epoch)).values["audio"].wave
        for epoch in (0, 0, 1)
    )
    assert first.shape == (1, 1, 4000)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert source.fetch([0]).values["audio"].wave.shape[2] == 16_000


def test_batches_can_be_of_clips_of_like_length(tmp_path: Path) -> None:
    """Lengths are known without decoding, at the rate clips are brought to."""
    path = clips(tmp_path)
    source = Folder(Folder.Config(path=path, rate=RATE // 2, cache="off"))
    wanted = source.fetch(range(len(source))).values["audio"].counts
    assert source.lengths().tolist() == wanted.tolist()
    cut = Folder(Folder.Config(path=path, excerpt=0.15, cache="off"))
    assert cut.lengths().tolist() == [800, 1200, 1200] * 2


def test_clips_decoded_into_their_batch_are_those_put_together(tmp_path: Path) -> None:
    path = clips(tmp_path)
    off, memory = (
        Folder(Folder.Config(path=path, cache=cache)).fetch([2, 0, 4]).values["audio"]
        for cache in ("off", "memory")
    )
    assert torch.equal(off.wave, memory.wave)
    assert off.counts.tolist() == memory.counts.tolist() == [2400, 800, 1600]


def test_a_clip_cut_off_after_it_was_looked_at_is_no_part_of_a_batch(tmp_path: Path) -> None:
    file = write(tmp_path / "clip.wav", 0.2)
    source = Folder(Folder.Config(path=tmp_path, cache="off"))
    file.write_bytes(file.read_bytes()[:-800])
    with pytest.raises(ValueError, match=r"clip\.wav: cut off: its header says 1600 samples"):
        source.fetch([0])


def test_parts_of_a_folder_are_splits(tmp_path: Path) -> None:
    write(tmp_path / "train" / "a.wav")
    write(tmp_path / "test" / "b.wav", 0.2)
    assert Folder.splits(Folder.Config(path=tmp_path)) == ("test", "train")
    assert Folder(Folder.Config(path=tmp_path)).fetch([0]).values["audio"].wave.shape[2] == 800


def test_rates_that_differ_are_refused_until_resampling_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "a.wav")
    write(tmp_path / "b.wav", rate=16_000)
    with pytest.raises(ValueError, match=r"differ in rate: 1 of 8000, 1 of 16000.*Set rate="):
        Folder(Folder.Config(path=tmp_path))
    source = Folder(Folder.Config(path=tmp_path, rate=RATE))
    assert source.fetch([0, 1]).values["audio"].wave.shape == (2, 1, 800)
    assert "resampled from 16000 Hz" in source.describe()


def test_stereo_among_mono_is_refused_until_mixing_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "a.wav")
    write(tmp_path / "b.wav", channels=2)
    with pytest.raises(ValueError, match="Set channels=1 to mix them down"):
        Folder(Folder.Config(path=tmp_path))
    assert Folder(Folder.Config(path=tmp_path, channels=1)).channels == 1


def spoil(folder: Path, what: str) -> None:
    file = folder / "spoilt.wav"
    if what == "text":
        file.write_text("this is no sound")
    elif what == "empty":
        write(file, 0.0)
    elif what == "cut off":
        whole = write(folder / "whole.flac", 1.0).read_bytes()
        (folder / "whole.flac").unlink()
        (folder / "spoilt.flac").write_bytes(whole[: len(whole) // 3])
    elif what == "not finite":
        wave = np.full(800, np.nan, dtype=np.float32)
        soundfile.write(file, wave, RATE, subtype="FLOAT")
    else:
        write(file, 0.01)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("text", "no audio file that libsndfile can read"),
        ("empty", "holds no samples"),
        ("cut off", "spoilt.flac: c"),
        ("not finite", "no finite numbers"),
        ("short", "too short: wanted 0.05 s; got 0.01"),
    ],
)
def test_a_spoilt_file_is_named_or_counted(tmp_path: Path, what: str, says: str) -> None:
    clips(tmp_path)
    spoil(tmp_path, what)
    with pytest.raises(ValueError, match=f"(?s)1 of 7 clips cannot be read.*{says}"):
        Folder(Folder.Config(path=tmp_path, shortest=0.05))
    with pytest.warns(UserWarning, match="left out 1 of 7 clips"):
        source = Folder(Folder.Config(path=tmp_path, shortest=0.05, on_error="skip"))
    assert len(source) == 6
    assert len(source.skipped) == 1


@pytest.mark.parametrize("suffix", ["wav", "aiff", "au", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("share", [0.9, 0.4])
def test_a_file_that_was_cut_off_is_refused_and_not_taken_for_a_short_one(
    tmp_path: Path, suffix: str, share: float
) -> None:
    """Of uncompressed files a decoder makes out nothing."""
    whole = write(tmp_path / f"clip.{suffix}", 1.0)
    assert len(Folder(Folder.Config(path=tmp_path, cache="memory"))) == 1
    content = whole.read_bytes()
    whole.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="none of the 1 clips can be read"):
        Folder(Folder.Config(path=tmp_path, cache="memory"))


def test_a_header_of_unknown_length_is_believed(tmp_path: Path) -> None:
    """As ffmpeg writes it into a pipe."""
    file = write(tmp_path / "clip.wav", 0.1)
    content = bytearray(file.read_bytes())
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = b"\xff" * 4
    file.write_bytes(content)
    assert Folder(Folder.Config(path=tmp_path)).lengths().tolist() == [800]


def test_a_folder_without_audio_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ValueError, match=r"no audio files \(found 1 .txt\)"):
        Folder(Folder.Config(path=tmp_path))
    assert not Folder.recognises(str(tmp_path))


def table(path: Path) -> Path:
    import datasets

    rows = [write(path.parent / f"{n}.wav", 0.1 * (n + 1)).read_bytes() for n in range(4)]
    content = {
        "audio": [{"bytes": row, "path": None} for row in rows],
        "label": [0, 1, 0, 1],
        "speaker": ["ann", "bob", "bob", "ann"],
    }
    features = datasets.Features(
        audio={"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
        label=datasets.ClassLabel(names=["no", "yes"]),
        speaker=datasets.Value("string"),
    )
    made = datasets.Dataset.from_dict(content, features=features)
    made.cast_column("audio", datasets.Audio(decode=False)).to_parquet(str(path))
    return path


def test_a_column_of_a_parquet_file_is_read_without_torchcodec(tmp_path: Path) -> None:
    path = table(tmp_path / "train-00000-of-00001.parquet")
    source = Parquet(Parquet.Config(path=path, group="speaker"))
    batch = source.fetch([1, 2])
    assert batch.values["audio"].counts.tolist() == [1600, 2400]
    assert batch.label.tolist() == [1, 0]
    assert batch.group.tolist() == [1, 1]
    assert source.label_names == ("no", "yes")
    assert Parquet.recognises(str(path))
    assert Parquet.splits(Parquet.Config(path=tmp_path)) == ("train",)


@pytest.mark.parametrize("split", ["train", "train[:50%]"])
def test_the_hub_loads_what_datasets_loads_without_torchcodec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "named").mkdir()
    table(tmp_path / "named" / "train.parquet")
    source = Hub(Hub.Config(path=str(tmp_path / "named"), split=split))
    assert len(source) == (4 if split == "train" else 2)
    assert source.fetch([1]).values["audio"].counts.tolist() == [1600]
    with pytest.raises(ValueError, match=r"cannot be loaded: .*test.* Check the name"):
        Hub(Hub.Config(path=str(tmp_path / "named"), split="test"))


def test_a_column_that_is_not_there_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    path = table(tmp_path / "train.parquet")
    with pytest.raises(ValueError, match="did you mean 'speaker'"):
        Parquet(Parquet.Config(path=path, group="speakers"))


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_manifest_lists_files_beside_it(tmp_path: Path, suffix: str) -> None:
    for number in range(3):
        write(tmp_path / "clips" / f"{number}.wav", 0.1 * (number + 1))
    lines = [{"audio": f"clips/{n}.wav", "word": "ab"[n % 2], "speaker": n} for n in range(3)]
    path = tmp_path / f"list.{suffix}"
    if suffix == "csv":
        rows = [",".join(map(str, line.values())) for line in lines]
        path.write_text("\n".join(["audio,word,speaker", *rows]))
    else:
        path.write_text("\n".join(map(json.dumps, lines)))
    source = Manifest(Manifest.Config(path=path, label="word", group="speaker"))
    assert source.label_names == ("a", "b")
    assert source.groups().tolist() == [0, 1, 2]
    assert source.fetch([2]).values["audio"].wave.shape[2] == 2400
    assert Manifest.recognises(str(path))


def test_a_manifest_without_its_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("file\na.wav\n")
    with pytest.raises(ValueError, match=r"column 'audio' is missing.*columns: file"):
        Manifest(Manifest.Config(path=tmp_path / "list.csv"))


def test_notes_are_the_same_everywhere_and_no_note_is_in_two_splits() -> None:
    train, test = (Notes(NotesConfig(split=split)) for split in ("train", "test"))  # type: ignore[arg-type]
    again = Notes(NotesConfig())
    assert train.fingerprint() == again.fingerprint() != test.fingerprint()
    assert (len(train), len(test)) == (1200, 300)
    assert train.label_names is not None
    assert set(train.labels().tolist()) == set(range(len(train.label_names)))
    assert torch.isfinite(train.wave).all()
    assert train.wave.abs().max() <= 1


def test_samples_that_are_no_numbers_are_refused_in_memory() -> None:
    wave = torch.zeros(3, 1, 10)
    wave[1, 0, 2] = float("nan")
    with pytest.raises(ValueError, match=r"no finite numbers, in clips \[1\]"):
        SoundsInMemory(wave, RATE)
    with pytest.raises(ValueError, match="at least one sample"):
        SoundsInMemory(torch.zeros(3, 1, 0), RATE)
