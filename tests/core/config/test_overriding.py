"""Command-line arguments are laid over nested mappings before anyone reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.config.toy import MINIMAL, Adam, Flat, Run

from tacit.config import Component, ConfigError, Origin, dumps, loads, override, parse, read


def overridden(*arguments: str) -> Run:
    mapping = override(parse(MINIMAL), arguments)
    return read(Run, mapping, where=Origin(overrides=arguments))


def test_settings_at_any_depth_are_set_and_typed() -> None:
    run = overridden(
        "data=./some dir",
        "seed=3",
        "compile=true",
        "optimizer.lr=1e-3",
        "optimizer.betas=[0.8, 0.95]",
        "optimizer.decay=none",
        "precision=bfloat16",
        'values."teacher.momentum"={kind="flat", value=0.99}',
    )
    assert run == Run(
        data=Path("some dir"),
        encoder=Component(name="toy/mlp"),
        seed=3,
        compile=True,
        optimizer=Adam(lr=1e-3, betas=(0.8, 0.95), decay=None),
        precision="bfloat16",
        values={"teacher.momentum": Flat(value=0.99)},
    )


def test_component_options_are_set_over_the_bare_name() -> None:
    encoder = overridden("encoder.width=192", "encoder.act.name=gelu").encoder
    assert encoder == Component(name="toy/mlp", options={"width": 192, "act": {"name": "gelu"}})
    assert overridden("encoder=other/net").encoder == Component(name="other/net")
    assert overridden("encoder.name=other/net").encoder == Component(name="other/net")


def test_dataclass_is_written_first() -> None:
    run = loads(Run, MINIMAL)
    assert read(Run, override(run, ["seed=5"])).seed == 5
    assert read(Run, override(run, [])) == run


def test_position_reaches_into_a_list() -> None:
    mapping = {"stages": [{"epochs": 1}, {"epochs": 2}]}
    assert override(mapping, ["stages.1.epochs=9"]) == {"stages": [{"epochs": 1}, {"epochs": 9}]}
    with pytest.raises(ConfigError, match="stages is a list of 2; wanted a position, got '2'"):
        override(mapping, ["stages.2.epochs=9"])


def test_what_was_given_stays_as_it_was() -> None:
    mapping = {"a": {"b": [{"c": 1}]}}
    override(mapping, ["a.b.0.c=2", "a.x=1"])
    assert mapping == {"a": {"b": [{"c": 1}]}}


def test_later_argument_wins() -> None:
    assert override({}, ["a.b=1", "a.b=2", "a.c=3"]) == {"a": {"b": 2, "c": 3}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("toy/mlp", "toy/mlp"),
        ("a=b", "a=b"),
        ("C#", "C#"),
        ("5 # five", "5 # five"),
        ("2026-01-01", "2026-01-01"),
        ("1\nb = 2", "1\nb = 2"),
        ('"5"', "5"),
        ("'a b'", "a b"),
        ('"a # b"', "a # b"),
        ("-3", -3),
        ("1e-3", 1e-3),
        ("[1, [2.0]]", [1, [2.0]]),
        ("True", "True"),
    ],
)
def test_value_is_toml_or_else_a_string(text: str, value: object) -> None:
    assert override({}, [f"key={text}"]) == {"key": value}


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        ("seed", "wanted key=value such as optimizer.lr=0.1, got 'seed'"),
        ("--seed 3", "wanted key=value"),
        ("=3", "wanted key=value"),
        ("a..b=3", "wanted key=value"),
        ("seed=", 'write seed="" for an empty string, seed=none for none'),
        ("taps=[1, 2", "'[1, 2' is not a TOML value"),
        ("note='x", "mind the shell's own quotes"),
        ("seed.x=3", "seed is 1, which has nothing below it to set"),
    ],
)
def test_malformed_argument_is_explained(argument: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=r"^command line") as caught:
        override({"seed": 1}, [argument])
    assert problem in str(caught.value)


def test_error_of_an_argument_names_the_command_line() -> None:
    with pytest.raises(ConfigError) as caught:
        overridden("optimizer.lrr=0.1")
    message = str(caught.value)
    assert message.startswith("command line (optimizer.lrr=0.1): optimizer.lrr: unknown key")
    assert "did you mean 'lr'?" in message
    with pytest.raises(ConfigError, match=r"^command line \(seed=x\): seed: wanted whole number"):
        overridden("seed=x")


def test_the_three_doors_agree() -> None:
    python = Run(data=Path("d"), encoder=Component(name="toy/mlp"), optimizer=Adam(lr=0.1))
    assert python == loads(Run, MINIMAL + "optimizer.lr = 0.1") == overridden("optimizer.lr=0.1")
    assert dumps(python) == dumps(overridden("optimizer.lr=0.1"))
