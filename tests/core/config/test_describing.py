"""Help is typed and comes from the dataclasses' own docstrings."""

from __future__ import annotations

import dataclasses

from tests.core.config.toy import Adam, Run

from tacit.config import Field, describe, help_text


def described() -> dict[tuple[str, str], Field]:
    return {(field.name, field.when): field for field in describe(Run)}


def test_field_has_name_type_default_and_doc() -> None:
    lr, betas, decay = describe(Adam)
    doc = "peak learning rate, of every group."
    assert lr == Field(name="lr", type="number", default="0.001", doc=doc)
    assert (betas.type, betas.default) == ("list of 2: (number), (number)", "[0.9, 0.999]")
    assert (decay.type, decay.doc) == (
        "number or none",
        "weight decay; none leaves it to the method.",
    )


def test_required_field_has_no_default() -> None:
    assert described()["data", ""].default is None
    assert described()["label", ""].default == "none"


def test_nested_default_is_the_one_that_holds_there() -> None:
    assert describe(Adam)[0].default == "0.001"
    assert described()["optimizer.lr", ""].default == "0.3"


def test_plain_nested_table_is_told_by_its_fields_alone() -> None:
    assert ("optimizer", "") not in described()
    assert described()["probe", ""].type == "table of Adam settings or none"


def test_fields_of_a_choice_say_which_choice() -> None:
    fields = described()
    assert fields["momentum.start", "momentum.kind=ramp"].doc == "first value."
    assert ("values.<name>.value", "values.<name>.kind=flat") in fields
    assert ("stages.<n>.epochs", "") in fields
    assert ("stages.<n>.curve.end", "stages.<n>.curve.kind=ramp") in fields


def test_help_shows_every_setting_once_with_its_choice() -> None:
    shown = help_text(Run)
    assert "  data  <path>  required\n      where the data lie.\n" in shown
    assert "  with momentum.kind=ramp:\n    momentum.start  <number>  required\n" in shown
    assert all(len(line) <= 100 for line in help_text(Adam).splitlines())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tree:
    """Nests itself.

    Args:
        children: of the same kind.
    """

    children: tuple[Tree, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Child(Adam):
    """Inherits its documentation."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Empty:
    pass


def test_tree_that_nests_itself_ends() -> None:
    assert [field.name for field in describe(Tree)] == ["children"]


def test_inherited_fields_keep_their_documentation() -> None:
    assert describe(Child)[0].doc == describe(Adam)[0].doc


def test_component_without_settings_says_so() -> None:
    assert help_text(Empty) == "  no settings\n"
