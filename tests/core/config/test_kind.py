from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from tacit.config._hints import kind_of


@dataclass(frozen=True, kw_only=True)
class Tagged:
    kind: ClassVar[str] = "tagged"


@dataclass(frozen=True, kw_only=True)
class Plain:
    kind: Literal["a", "b"] = "a"


def test_a_setting_called_kind_is_no_tag() -> None:
    assert kind_of(Tagged) == kind_of(Tagged()) == "tagged"
    assert kind_of(Plain) is None
    assert kind_of(Plain(kind="b")) is None
