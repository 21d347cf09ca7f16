"""Two plugins trained together by one command: runs, towers, retrieval, and clear refusals."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.ecosystem.test_pairs import COLOURS, rows, square, write

import tacit
from tacit.api.evaluation import evaluate_runs
from tacit.cli import main

VIT = {"name": "vision/vit", "width": 16, "depth": 1, "heads": 2, "patch": 8}
BERT = {"name": "text/bert", "width": 16, "depth": 1, "heads": 2, "max_tokens": 16}
SHORT: dict[str, Any] = {
    "encoder": {"image": VIT, "text": BERT},
    "training": {"steps": 3, "batch": 12, "watch_every": 0, "workers": 0},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("shop")
    write(folder / "train.parquet", rows(48))
    write(folder / "test.parquet", rows(12))
    return f"{folder}:image=photo,text=title"


@pytest.fixture(scope="module")
def run(data: str, tmp_path_factory: pytest.TempPathFactory) -> tacit.Run:
    out = tmp_path_factory.mktemp("runs") / "clip"
    return tacit.pretrain("clip", data=data, out=out, settings=SHORT)


def changed(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return any(not torch.equal(one[key], other[key]) for key in one)


def test_both_encoders_are_trained_and_saved(run: tacit.Run) -> None:
    begun = run.plan.build_encoders()
    assert run.finished
    for name in ("image", "text"):
        assert changed(begun[name].state_dict(), run.encoders[name].state_dict())
    assert {name for _, name, _ in run.metrics()} >= {"loss/contrast", "temperature", "forth"}


def test_retrieval_is_beside_chance_cca_and_random_encoders(run: tacit.Run) -> None:
    scores = run.evaluate(seeds=(0,))
    found = {(s.probe, s.metric, s.features): s.value for s in scores}
    for probe in ("image -> text", "text -> image"):
        assert found[probe, "R@1 of 12", "chance"] == pytest.approx(1 / 12)
        assert found[probe, "median rank of 12", "chance"] == 6.5
        for features in ("encoder", "random", "raw"):
            assert 0 <= found[probe, "R@10 of 12", features] <= 1
    assert 0 <= found["image - text", "modality gap", "encoder"] <= 2


@pytest.mark.parametrize(
    "method", ["siglip", "slip", "paired-isogclr", "paired-vicreg", "deep-cca", "masked-clip"]
)
def test_every_method_that_joins_gives_towers_into_one_space(
    method: str, data: str, tmp_path: Path
) -> None:
    settings = {**SHORT, "training": {**SHORT["training"], "steps": 1}}
    towers = tacit.pretrain(method, data=data, out=tmp_path / "run", settings=settings).joined()
    assert towers["image"].encoder.spec.width == towers["text"].encoder.spec.width


def test_one_tower_is_probed_by_name(data: str, run: tacit.Run, capsys: Any) -> None:
    folder, columns = data.split(":")
    labelled = {
        "name": "pairs",
        "path": folder,
        "columns": dict(pair.split("=") for pair in columns.split(",")),
        "label": "colour",
    }
    scores = evaluate_runs(
        [run.probed("text")], data=labelled, seeds=(0,), device=torch.device("cpu")
    )
    assert {s.metric for s in scores} >= {"accuracy", "rank"}
    with pytest.raises(ValueError, match="name one encoder"):
        run.evaluate(probes=("knn",))


def test_classes_are_told_by_sentences_or_by_photographs_of_them(
    data: str, run: tacit.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a file by the command, and from Python; a class may have several descriptions."""
    folder = data.split(":")[0]
    labelled = tmp_path / "run"
    settings = {**SHORT, "data": {"label": "colour"}}
    tacit.pretrain("clip", data=data, out=labelled, settings=settings)
    file = tmp_path / "classes.csv"
    sentences = [f"{colour},{words} {colour}" for colour in COLOURS for words in ("a", "all")]
    file.write_text("\n".join(["colour,sentence", *sentences]))
    prompts = f"{file}:text=sentence,label=colour"
    capsys.readouterr()
    assert main(["evaluate", str(labelled), "--seeds", "1", "--prompts", prompts, "--json"]) == 0
    told = [s for s in json.loads(capsys.readouterr().out) if s["probe"] == "image by text prompts"]
    assert {s["features"] for s in told} == {"encoder", "random", "raw", "majority", "chance"}
    photos = {name: [square(level, 99)] for name, level in COLOURS.items()}
    scores = tacit.load(labelled).evaluate(seeds=(0,), prompts={"image": photos})
    assert "text by image prompts" in {s.probe for s in scores}
    for match, given, options in (
        ("wanted one of image, text; got table", {"table": {"red": [1]}}, {}),
        ("wanted FILE:MODALITY=COLUMN", f"{folder}", {}),
        ("got pink", {"text": {"pink": ["a pink square"]}}, {}),
        ("prompts: have no effect on probes", prompts, {"modality": "text"}),
    ):
        with pytest.raises(ValueError, match=match):
            tacit.load(labelled).evaluate(seeds=(0,), prompts=given, **options)
    with pytest.raises(ValueError, match="no classes to tell by prompts"):
        run.evaluate(seeds=(0,), prompts=prompts)


def test_the_command_does_what_python_does(
    data: str, run: tacit.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One command; its run.toml repeats it; its scores are in JSON."""
    out = tmp_path / "clip"
    towers = [f"encoder.image.{k}={v}" for k, v in VIT.items() if k != "name"]
    towers += [f"encoder.text.{k}={v}" for k, v in BERT.items() if k != "name"]
    settings = ["steps=3", "batch=12", "watch_every=0", "workers=0", *towers]
    names = "image=vision/vit,text=text/bert"
    arguments = ["clip", "--data", data, "--encoder", names, "--out", str(out), *settings]
    assert main(["pretrain", "--json", *arguments]) == 0
    for name in ("image", "text"):
        again = tacit.load(out).encoders[name].state_dict()
        assert not changed(run.encoders[name].state_dict(), again)
    assert tomllib.loads((out / "run.toml").read_text())["data"]["columns"] == {
        "image": "photo",
        "text": "title",
    }
    capsys.readouterr()
    assert main(["evaluate", str(out), "--seeds", "1", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert {each["probe"] for each in scores} == {"image -> text", "text -> image", "image - text"}


def test_a_locked_tower_stays_as_another_run_left_it(
    data: str, run: tacit.Run, tmp_path: Path
) -> None:
    training = {**SHORT["training"], "locked": ["image"]}
    initial = {"image": str(run.folder.path)}
    settings = {**SHORT, "training": training, "initial": initial}
    tuned = tacit.pretrain("siglip", data=data, out=tmp_path / "lit", settings=settings)
    assert not changed(run.encoders["image"].state_dict(), tuned.encoders["image"].state_dict())
    begun = tuned.plan.build_encoders()["text"].state_dict()
    assert changed(begun, tuned.encoders["text"].state_dict())


def test_what_is_hidden_of_photographs_is_told_from_titles_and_back(
    data: str, tmp_path: Path
) -> None:
    settings = {**SHORT, "objective": {"ratios": {"text": 0.3}}}
    run = tacit.pretrain("masked-across", data=data, out=tmp_path / "across", settings=settings)
    begun = run.plan.build_encoders()
    assert all(changed(begun[n].state_dict(), run.encoders[n].state_dict()) for n in begun)
    terms = {name for _, name, _ in run.metrics()}
    assert terms >= {"loss/reconstruction/image", "loss/reconstruction/text"}
    with pytest.raises(ValueError, match="masked-across learns no space that modalities share"):
        run.evaluate(seeds=(0,))
    both = tacit.pretrain("masked-clip", data=data, out=tmp_path / "both", settings=SHORT)
    found = {score.probe for score in both.evaluate(seeds=(0,))}
    assert found == {"image -> text", "text -> image", "image - text"}


def test_photographs_are_told_apart_by_what_their_titles_say(data: str, tmp_path: Path) -> None:
    settings = {**SHORT, "objective": {"learn": ["image"]}}
    run = tacit.pretrain("mined-triplets", data=data, out=tmp_path / "mined", settings=settings)
    begun = run.plan.build_encoders()
    assert changed(begun["image"].state_dict(), run.encoders["image"].state_dict())
    assert not changed(begun["text"].state_dict(), run.encoders["text"].state_dict())
    assert {"loss/triplets/image", "active/image"} <= {name for _, name, _ in run.metrics()}


def test_a_tower_is_probed_by_the_command_before_and_after_pairing(
    data: str, run: tacit.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside raw features and random weights; what it began as is that other run's encoder."""
    settings = {
        **SHORT,
        "data": {"label": "colour"},
        "initial": {"image": str(run.folder.path)},
    }
    tuned = tacit.pretrain("clip", data=data, out=tmp_path / "tuned", settings=settings)
    capsys.readouterr()
    probe = ["--probes", "knn", "--seeds", "1", "--json"]
    assert main(["evaluate", str(tuned.folder.path), "--modality", "image", *probe]) == 0
    found = {s["features"]: s["value"] for s in json.loads(capsys.readouterr().out)}
    assert set(found) == {"encoder", "initial", "random", "raw", "majority"}
    assert main(["evaluate", str(tuned.folder.path), "--modality", "text", *probe]) == 0
    assert "initial" not in {s["features"] for s in json.loads(capsys.readouterr().out)}
    assert main(["evaluate", str(tuned.folder.path), "--modality", "smell", *probe]) == 2
    assert "modality: wanted one of image, text; got 'smell'" in capsys.readouterr().err
    labelled = {
        "name": "pairs",
        "path": data.split(":")[0],
        "columns": {"image": "photo", "text": "title"},
        "label": "colour",
    }
    before = evaluate_runs(
        [run.probed("image")],
        data=labelled,
        probes=["knn"],
        seeds=(0,),
        device=torch.device("cpu"),
    )
    (own,) = [s.value for s in before if s.features == "encoder"]
    assert found["initial"] == pytest.approx(own)


def test_a_run_whose_beginning_is_gone_is_probed_with_a_warning(
    data: str, run: tacit.Run, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(run.folder.path, other)
    settings = {**SHORT, "data": {"label": "colour"}, "initial": {"image": str(other)}}
    tuned = tacit.pretrain("clip", data=data, out=tmp_path / "tuned", settings=settings)
    shutil.rmtree(other)
    with pytest.warns(UserWarning, match=r"began as is not beside it: initial\.image"):
        scores = tuned.evaluate(modality="image", probes=["knn"], seeds=(0,))
    assert {s.features for s in scores} == {"encoder", "random", "raw", "majority"}


def test_towers_are_trained_apart_and_then_paired_by_a_command_each(
    data: str, tmp_path: Path
) -> None:
    """Photographs without titles, texts without photographs, then a few pairs of both."""
    for name, level in COLOURS.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            (tmp_path / "photos" / name / f"{number}.png").write_bytes(square(level, number))
    (tmp_path / "lines.txt").write_text("\n".join(rows(24)["title"]))
    short = ["--no-evaluate", "steps=2", "batch=12", "watch_every=0", "workers=0"]
    one = {"image": VIT, "text": BERT}
    for name, given in (("image", "photos"), ("text", "lines.txt")):
        own = [f"encoder.{k}={v}" for k, v in one[name].items() if k != "name"]
        where = ["--data", str(tmp_path / given), "--out", str(tmp_path / name)]
        encoder = ["--encoder", str(one[name]["name"])]
        size = ["data.size=16"] if name == "image" else []
        assert main(["pretrain", "simclr", *where, *encoder, *short, *own, *size]) == 0
    own = [f"encoder.{n}.{k}={v}" for n in one for k, v in one[n].items() if k != "name"]
    initial = [f"initial.{name}={tmp_path / name}" for name in one]
    where = ["--data", data, "--out", str(tmp_path / "pairs")]
    names = ["--encoder", "image=vision/vit,text=text/bert"]
    locked = ['training.locked=["image"]']
    assert main(["pretrain", "clip", *where, *names, *short, *own, *initial, *locked]) == 0
    found, apart = tacit.load(tmp_path / "pairs"), tacit.load(tmp_path / "image")
    assert not changed(apart.encoder.state_dict(), found.encoders["image"].state_dict())
    text = tacit.load(tmp_path / "text").encoder.state_dict()
    assert changed(text, found.encoders["text"].state_dict())


def test_projections_alone_or_with_adapters_learn_beside_locked_towers(
    data: str, run: tacit.Run, tmp_path: Path
) -> None:
    """Patterns of names say what is trained: heads, and whatever stands for adapters in a tower."""
    initial = {name: str(run.folder.path) for name in ("image", "text")}
    cases: tuple[tuple[list[str], set[str]], ...] = (
        (["objective.*"], set()),
        (["objective.*", "encoders.image.*norm*"], {"image"}),
    )
    for trained, moved in cases:
        training = {**SHORT["training"], "trainable": trained}
        settings = {**SHORT, "training": training, "initial": initial}
        out = tmp_path / str(len(trained))
        tuned = tacit.pretrain("clip", data=data, out=out, settings=settings)
        for name, encoder in tuned.encoders.items():
            before, after = run.encoders[name].state_dict(), encoder.state_dict()
            other = {key for key in before if not torch.equal(before[key], after[key])}
            assert bool(other) == (name in moved)
            assert all("norm" in key for key in other)
            heads = [each.joined()[name].encoder for each in (run, tuned)]
            first, second = (head.get_submodule("head").state_dict() for head in heads)
            assert changed(first, second)


def test_rows_without_a_partner_are_mixed_with_pairs_by_weight(tmp_path: Path) -> None:
    """Six pairs and eighteen photographs alone: each batch of eight has two pairs."""
    columns = rows(24)
    columns["title"] = [title if i < 6 else None for i, title in enumerate(columns["title"])]
    given = f"{write(tmp_path / 'few.parquet', columns)}:image=photo,text=title"
    training = {**SHORT["training"], "batch": 8}
    weights = {"image+text": 1.0, "image": 3.0}
    settings = {**SHORT, "training": training, "data": {"weights": weights}}
    run = tacit.pretrain("slip", data=given, out=tmp_path / "run", settings=settings)
    terms = {name for _, name, _ in run.metrics()}
    assert terms >= {"loss/contrast", "loss/within/image", "loss/within/text"}
    source = run.plan.source.make()
    assert source.mixture().counts(8) == (2, 6, 0)
    settings["data"] = {"weights": {"image+text": 1.0, "text": 1.0}}
    with pytest.raises(ValueError, match="no instance has text and nothing else"):
        tacit.pretrain("slip", data=given, out=tmp_path / "other", settings=settings)


def refused(match: str, data: object, out: Path, **settings: Any) -> None:
    with pytest.raises(ValueError, match=match):
        tacit.pretrain("clip", data=data, out=out, settings={**SHORT, **settings})  # type: ignore[arg-type]


def test_what_cannot_work_is_refused_before_training(data: str, tmp_path: Path) -> None:
    folder, out = data.split(":")[0], tmp_path / "run"
    refused("modality: wanted one of .* text; got 'smell'", data.replace("text", "smell"), out)
    refused("no column 'titel'; did you mean 'title'", data.replace("title", "titel"), out)
    refused("no such path", f"{folder}/none:image=photo,text=title", out)
    refused("needs 2 modalities; got 1", "vision/digits", out, encoder={"image": VIT})
    refused("initial.image: .* holds no trained encoder", data, out, initial={"image": folder})
    locked = {**SHORT["training"], "locked": ["sound"]}
    refused(r"locked: wanted some of image, text; got \['sound'\]", data, out, training=locked)
    rates = {**SHORT["training"], "rates": {"encoder.image.*": 0.1}}
    refused("rates: 'encoder.image.*' matches no parameter", data, out, training=rates)


def test_rows_with_missing_members_train(tmp_path: Path) -> None:
    columns = rows(24)
    for i in range(0, 24, 3):
        columns["photo"][i] = None
        columns["title"][i + 1] = None
    given = f"{write(tmp_path / 'gaps.parquet', columns)}:image=photo,text=title"
    watched = {**SHORT["training"], "watch_every": 3}
    settings = {**SHORT, "data": {"label": "colour"}, "training": watched}
    run = tacit.pretrain("clip", data=given, out=tmp_path / "run", settings=settings)
    assert run.finished
    assert {"watch/knn/image", "watch/knn/text"} <= {name for _, name, _ in run.metrics()}
    scores = run.evaluate(seeds=(0,))
    assert any((s.probe, s.metric) == ("image by text", "accuracy") for s in scores)


def test_of_missing_members_no_stand_in_is_counted(tmp_path: Path) -> None:
    columns = rows(24)
    columns["title"] = [None if i % 3 else "long " * 200 for i in range(24)]
    path = write(tmp_path / "long.parquet", columns)
    refused("8 of 8 texts have more", f"{path}:image=photo,text=title", tmp_path / "run")


def test_a_batch_without_a_pair_says_so(tmp_path: Path) -> None:
    columns = rows(24)
    photos = [each if i % 2 else None for i, each in enumerate(columns["photo"])]
    titles = [None if i % 2 else each for i, each in enumerate(columns["title"])]
    path = write(tmp_path / "apart.parquet", {"photo": photos, "title": titles})
    refused("without one complete pair", f"{path}:image=photo,text=title", tmp_path / "run")
