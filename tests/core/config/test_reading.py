"""Reading is strict, and its errors name place, wanted, got and the next step."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.core.config.toy import MINIMAL, Adam, Flat, Ramp, Run, Stage

from tacit.config import Component, ConfigError, Origin, check, loads, parse, read, resolve


def fails(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loads(Run, MINIMAL + text)
    return str(caught.value)


def test_absent_settings_take_their_defaults() -> None:
    assert loads(Run, MINIMAL) == Run(data=Path("d"), encoder=Component(name="toy/mlp"))


def test_every_type_reads_from_its_toml_spelling() -> None:
    text = """
    data = "a/b"
    encoder = { name = "toy/mlp", width = 192, heads = [1, 2] }
    seed = 3
    label = "kind"
    log = "none"
    compile = true
    precision = "bfloat16"
    taps = [1, 2]
    crops = [[2, 1], [6, 0.4]]
    workers = 4
    momentum = { kind = "ramp", start = 1 }
    values."teacher.momentum" = { kind = "flat", value = 0.99 }
    weights = { invariance = 25, variance = "none" }
    stages = [{ epochs = 5 }, { epochs = 6, curve = { kind = "flat", value = 2.0 } }]
    extra = { deep = { list = [true, "x"] } }
    [optimizer]
    betas = [0.8, 0.95]
    """
    assert loads(Run, text) == Run(
        data=Path("a/b"),
        encoder=Component(name="toy/mlp", options={"width": 192, "heads": (1, 2)}),
        seed=3,
        label="kind",
        log=None,
        compile=True,
        precision="bfloat16",
        taps=(1, 2),
        crops=((2, 1.0), (6, 0.4)),
        workers=4,
        momentum=Ramp(start=1.0),
        optimizer=Adam(lr=0.3, betas=(0.8, 0.95)),
        values={"teacher.momentum": Flat(value=0.99)},
        weights={"invariance": 25.0, "variance": None},
        stages=(Stage(epochs=5), Stage(epochs=6, curve=Flat(value=2.0))),
        extra={"deep": {"list": (True, "x")}},
    )


def test_float_takes_a_whole_number_and_becomes_one() -> None:
    lr = loads(Run, MINIMAL + "optimizer.lr = 1").optimizer.lr
    assert isinstance(lr, float)


def test_bare_name_is_shorthand_for_a_component() -> None:
    table = 'data = "d"\nencoder = { name = "toy/mlp" }'
    assert loads(Run, MINIMAL) == loads(Run, table)


def test_unknown_key_is_refused_with_path_file_and_suggestion() -> None:
    message = fails("optimizer.bets = [0.9, 0.95]")
    assert message.startswith("run.toml: optimizer.bets: unknown key; did you mean 'betas'?")
    assert "lr, betas, decay" in message


def test_misplaced_key_is_pointed_to_where_it_belongs() -> None:
    assert "did you mean 'optimizer.lr'?" in fails("lr = 0.1")


@pytest.mark.parametrize(
    ("text", "path", "wanted", "got"),
    [
        ("seed = 1.0", "seed", "whole number", "1.0 (number)"),
        ("seed = true", "seed", "whole number", "True (true or false)"),
        ('optimizer.lr = "fast"', "optimizer.lr", "number", "'fast' (string)"),
        ("optimizer.lr = true", "optimizer.lr", "number", "True"),
        ("note = 5", "note", "string", "5 (whole number); to make it a string, quote it: '\"5\"'"),
        ("compile = 1", "compile", "true or false", "1 (whole number)"),
        ('precision = "floot32"', "precision", "'float32' or 'bfloat16'", "did you mean 'float32'"),
        ("taps = 3", "taps", "list of (whole number)", "3 (whole number)"),
        ("taps = [1, 2.5]", "taps.1", "whole number", "2.5 (number)"),
        ("crops = [[1]]", "crops.0", "list of 2: (whole number), (number)", "1 values: [1]"),
        ("optimizer = 3", "optimizer", "table of Adam settings", "3"),
        ('label = ["a"]', "label", "string or none", "['a'] (list)"),
        ('seed = "none"', "seed", "whole number", "'none' (string)"),
        ('momentum = "x"', "momentum", "number or table with kind flat or ramp", "'x'"),
        ("values = { lr = 0.1 }", "values.lr", "table with kind flat or ramp", "0.1"),
        ("note = 2026-01-01", "note", "string", "(date or time)"),
        ("extra = { when = 2026-01-01 }", "extra.when", "list or a table", "datetime.date"),
    ],
)
def test_wrong_type_says_wanted_and_got(text: str, path: str, wanted: str, got: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(Run, MINIMAL + text)
    assert caught.value.path == path
    assert f"wanted {wanted}" in str(caught.value) or wanted in str(caught.value)
    assert got in str(caught.value)


def test_missing_key_is_named_with_what_it_takes() -> None:
    with pytest.raises(ConfigError, match=r"run\.toml: data: missing; wanted path"):
        loads(Run, 'encoder = "toy/mlp"')
    assert "stages.0.epochs: missing; wanted whole number" in fails("stages = [{}]")


def test_kind_chooses_and_a_wrong_or_missing_kind_is_refused() -> None:
    missing = fails("values = { lr = { start = 1.0 } }")
    assert "values.lr.kind: missing; wanted one of flat, ramp" in missing
    wrong = fails('values = { lr = { kind = "rampp", start = 1.0 } }')
    assert "wanted one of flat, ramp, got 'rampp'; did you mean 'ramp'?" in wrong
    foreign = fails('values = { lr = { kind = "flat", start = 1.0 } }')
    assert "values.lr.start: unknown key" in foreign


def test_component_checks_of_their_own_get_their_place() -> None:
    assert fails("optimizer.lr = -1") == "run.toml: optimizer.lr: wanted at least 0, got -1.0"
    assert fails("optimizer.betas = [2, 1]") == "run.toml: optimizer: the betas must not fall"


def test_component_needs_a_name() -> None:
    assert "encoder.name: wanted the name of an offer, got nothing" in fails_whole(
        'data = "d"\nencoder = { width = 3 }'
    )
    assert "got 3 (whole number)" in fails_whole('data = "d"\nencoder = { name = 3 }')
    assert "encoder.name: wanted the name of an offer, got an empty string" in fails_whole(
        'data = "d"\nencoder = ""'
    )


def fails_whole(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loads(Run, text)
    return str(caught.value)


def test_partial_table_keeps_the_rest_of_the_default_it_replaces() -> None:
    assert loads(Run, MINIMAL + "optimizer.decay = 0").optimizer == Adam(lr=0.3, decay=0.0)
    stage = read(Stage, {"epochs": 1, "curve": {"end": 0.5}})
    assert stage.curve == Ramp(start=1.0, end=0.5)  # the kind, too, is the default's


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithComponent:
    part: Component = dataclasses.field(
        default_factory=lambda: Component(name="toy/a", options={"depth": 2})
    )


def test_partial_component_keeps_the_default_name_and_options() -> None:
    part = read(WithComponent, {"part": {"width": 3}}).part
    assert part == Component(name="toy/a", options={"depth": 2, "width": 3})
    assert read(WithComponent, {"part": {"name": "toy/a"}}).part == Component(name="toy/a")


def test_broken_toml_is_refused_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"my\.toml: not valid TOML: .*line 2, column"):
        parse("a = 1\nb = \nc = 2", where="my.toml")


def test_component_options_resolve_with_their_dotted_path() -> None:
    component = Component(name="toy/adam", options={"betas": [0.8, 0.9], "decay": None})
    assert resolve(component, Adam) == Adam(betas=(0.8, 0.9), decay=None)
    bad = Component(name="toy/adam", options={"lrr": 1})
    with pytest.raises(ConfigError, match=r"run\.toml: encoder\.lrr: unknown .*'lr'"):
        resolve(bad, Adam, path="encoder")


def test_error_names_the_command_line_when_it_is_to_blame() -> None:
    where = Origin(file="f.toml", overrides=("optimizer.lrr=1", "stages.0.epochs=x"))
    assert where.of(("optimizer", "lrr")) == "command line (optimizer.lrr=1)"
    assert where.of(("stages", "0", "epochs")) == "command line (stages.0.epochs=x)"
    assert where.of(("optimizer",)) == "f.toml with the command line (optimizer.lrr=1)"
    assert where.of(("seed",)) == where.of(()) == "f.toml"


def test_tree_built_in_python_is_held_to_the_same_rules() -> None:
    wrong: Any = "0.1"
    with pytest.raises(ConfigError, match=r"made in Python: lr: wanted number, got '0\.1'"):
        check(dataclasses.replace(Adam(), decay=wrong) and Broken(lr=wrong))
    assert isinstance(check(Adam(lr=1)).lr, float)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Broken:
    lr: float


def test_component_refuses_what_toml_cannot_carry() -> None:
    with pytest.raises(ValueError, match="'name' is the component's own key"):
        Component(name="a", options={"name": 1})
    with pytest.raises(ValueError, match=r"got <object.*give a dataclass"):
        Component(name="a", options={"x": [object()]})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Alike:
    x: str | Path = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Strange:
    x: complex = 0j


@dataclasses.dataclass(frozen=True, kw_only=True)
class Twin:
    kind: ClassVar[str] = "flat"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Twins:
    x: Flat | Twin = dataclasses.field(default_factory=Twin)


@pytest.mark.parametrize(
    ("cls", "reason"),
    [(Alike, "spelt alike"), (Strange, "not a type"), (Twins, "same kind"), (int, "a dataclass")],
)
def test_types_that_toml_could_not_give_back_are_the_authors_mistake(
    cls: type, reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        read(cls, {})
