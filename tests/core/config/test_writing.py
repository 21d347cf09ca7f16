"""What is written comes back as it was."""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.core.config.toy import Adam, Flat, Ramp, Run, Stage

from tacit.config import Component, ConfigError, check, dumps, fingerprint, loads, write

T = TypeVar("T")
NAMES = ("a", "teacher.momentum", "two words", 'quo"te', "name", "ünï", "0", "")
TEXTS = ("", "x", "none!", "5", "true", 'a "b"\n\\c', "\u0001", "# no comment", "[a]")


def some_float(draw: random.Random) -> float:
    exact = (0.0, -0.0, 1e-45, 1.7976931348623157e308, 0.1 + 0.2, 1e16, 1e22, float("inf"), 1.0)
    return draw.choice((*exact, draw.gauss(0, 1) * 10.0 ** draw.randint(-30, 30)))


def some_curve(draw: random.Random) -> Flat | Ramp:
    if draw.random() < 0.4:
        return Flat(value=some_float(draw))
    until = draw.choice((None, draw.randint(-5, 2**62)))
    return Ramp(start=some_float(draw), end=some_float(draw), until=until)


def some_adam(draw: random.Random) -> Adam:
    low, high = sorted((some_float(draw), some_float(draw)))
    decay = draw.choice((None, some_float(draw)))
    return Adam(lr=abs(some_float(draw)), betas=(low, high), decay=decay)


def some_raw(draw: random.Random, depth: int = 3) -> Any:
    leaf = draw.choice((True, draw.randint(-9, 9), some_float(draw), draw.choice(TEXTS)))
    if depth == 0 or draw.random() < 0.5:
        return leaf
    if draw.random() < 0.5:
        return tuple(some_raw(draw, depth - 1) for _ in range(draw.randint(0, 3)))
    names = draw.sample(NAMES, draw.randint(0, 3))
    return {name: some_raw(draw, depth - 1) for name in names}


def some(draw: random.Random, make: Callable[[random.Random], T]) -> tuple[T, ...]:
    return tuple(make(draw) for _ in range(draw.randint(0, 3)))


def named(draw: random.Random, make: Callable[[random.Random], T]) -> dict[str, T]:
    return dict(zip(draw.sample(NAMES, len(NAMES)), some(draw, make), strict=False))


def some_run(draw: random.Random) -> Run:
    options = {key: value for key, value in named(draw, some_raw).items() if key != "name"}
    return Run(
        data=draw.choice((Path("a/b"), Path("/"), Path(), Path("c:\\d e"))),
        encoder=Component(name=draw.choice(TEXTS) or "x", options=options),
        seed=draw.randint(-(2**63), 2**63 - 1),
        note=draw.choice((*TEXTS, "none")),
        label=draw.choice((None, *TEXTS)),
        log=draw.choice((None, Path("x"))),
        compile=draw.random() < 0.5,
        precision=draw.choice(("float32", "bfloat16")),
        taps=some(draw, lambda d: d.randint(0, 9)),
        crops=some(draw, lambda d: (d.randint(0, 9), some_float(d))),
        workers=draw.choice(("auto", 0, 7)),
        momentum=draw.choice((some_float(draw), some_curve(draw))),
        optimizer=some_adam(draw),
        probe=draw.choice((None, some_adam(draw))),
        values=named(draw, some_curve),
        weights=named(draw, lambda d: d.choice((None, some_float(d)))),
        stages=some(draw, lambda d: Stage(epochs=d.randint(0, 9), curve=some_curve(d))),
        extra=named(draw, some_raw),
    )


def exact(run: Run) -> str:
    """Spell a tree so that -0.0, 1 and True differ from 0.0, 1.0 and 1."""
    return json.dumps(write(run), sort_keys=True)


def test_any_tree_survives_toml_exactly() -> None:
    draw = random.Random(0)
    for _ in range(100):
        run = some_run(draw)
        text = dumps(run)
        back = loads(Run, text)
        assert back == run, text
        assert exact(back) == exact(run)
        assert dumps(back) == text
        assert fingerprint(back) == fingerprint(run)


def some_plain() -> Run:
    return Run(data=Path("d"), encoder=Component(name="toy/mlp"))


def test_fields_are_written_in_declared_order_with_defaults_and_kind() -> None:
    assert list(write(Ramp(start=1.0))) == ["kind", "start", "end"]
    declared = [field.name for field in dataclasses.fields(Run)]
    written = list(write(some_plain()))
    assert written == [name for name in declared if name in written]
    assert set(declared) - set(written) == {"label", "probe"}  # None by default, so left out


def test_none_is_written_only_where_leaving_it_out_would_mean_something_else() -> None:
    assert write(Adam(decay=None))["decay"] == "none"
    assert "until" not in write(Ramp(start=1.0))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outer:
    ramp: Ramp = dataclasses.field(default_factory=lambda: Ramp(start=1.0, until=5))


def test_none_against_the_default_of_the_outer_dataclass_comes_back() -> None:
    outer = Outer(ramp=Ramp(start=1.0, until=None))
    assert loads(Outer, dumps(outer)) == outer


def test_reserved_word_is_refused_in_an_optional_string() -> None:
    run = dataclasses.replace(some_plain(), label="none")
    with pytest.raises(ConfigError, match="label: the string 'none' stands for None here"):
        dumps(run)


def test_value_that_toml_cannot_spell_is_refused() -> None:
    wrong: Any = 1j
    with pytest.raises(ConfigError, match=r"values\.lr\.value: wanted a value .* got 1j"):
        write(dataclasses.replace(some_plain(), values={"lr": Flat(value=wrong)}))


def test_fingerprint_tells_trees_apart_and_not_spellings() -> None:
    run = some_plain()
    assert fingerprint(run) != fingerprint(dataclasses.replace(run, seed=1))
    assert (
        fingerprint(Flat(value=1))
        == fingerprint(Flat(value=1.0))
        == fingerprint(check(Flat(value=1)))
    )
    one = dataclasses.replace(run, weights={"a": 1.0, "b": 2.0})
    assert fingerprint(one) == fingerprint(dataclasses.replace(run, weights={"b": 2.0, "a": 1.0}))


def test_fingerprint_stays_across_versions() -> None:
    assert fingerprint(Ramp(start=0.1)) == "e95f46b989a3599a"


def test_config_never_imports_torch() -> None:
    code = "import sys, tacit.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
