"""An offer is checked when it is declared and imported when it is used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tacit.plugin import Offer, OfferImportError, Owner

if TYPE_CHECKING:
    from tests.core.plugin.conftest import Toys

OFFER = Offer(name="acme/x", target="json:loads", summary="Reads")
OWNER = Owner(plugin="acme", distribution="acme-plugin", version="1.2")


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("name", "", "wanted '<entry point>/<word>'"),
        ("name", "Acme/x", "wanted '<entry point>/<word>'"),
        ("name", "acme/x/y", "wanted '<entry point>/<word>'"),
        ("target", "json.loads", "wanted 'module:attribute'"),
        ("target", "json:", "wanted 'module:attribute'"),
        ("target", "1json:loads", "wanted 'module:attribute'"),
        ("summary", "", "wanted one line"),
        ("summary", "two\nlines", "wanted one line"),
        ("modality", frozenset({"Im age"}), "wanted a lower-case word"),
        ("requires", ("views:two views",), "wanted 'word' or 'word:word'"),
        ("provides", ("mask:drop:all",), "wanted 'word' or 'word:word'"),
        ("extras", ("",), "wanted what pip can install"),
    ],
)
def test_a_wrong_field_is_refused_by_name(field: str, value: object, wanted: str) -> None:
    with pytest.raises(ValueError, match=field) as caught:
        replace(OFFER, **{field: value})  # type: ignore[arg-type]
    assert wanted in str(caught.value)


@pytest.mark.parametrize("field", ["modality", "requires", "provides", "extras"])
def test_a_lone_string_is_not_read_letter_by_letter(toys: Toys, field: str) -> None:
    # In an interpreter of its own, where no type checker of the test run comes first.
    code = f"""
        from tacit.plugin import Offer
        Offer(name="acme/x", target="m:x", summary="X", {field}="tokens")
    """
    answer = toys.python(code)
    assert f"ValueError: offer 'acme/x': {field}: wanted a " in answer.stderr
    assert "of words, got 'tokens'" in answer.stderr


def test_the_target_is_imported_on_use() -> None:
    import json

    assert OFFER.load() is json.loads
    assert replace(OFFER, target="json:JSONDecoder.decode").load() is json.JSONDecoder.decode


def test_declaring_a_target_imports_nothing() -> None:
    replace(OFFER, target="no_such_module:thing")


@pytest.mark.parametrize("target", ["no_such_module:thing", "json:no_such_thing"])
def test_a_target_that_does_not_import_names_offer_and_owner(target: str) -> None:
    offer = replace(OFFER, target=target, owner=OWNER)
    with pytest.raises(OfferImportError) as caught:
        offer.load()
    told = str(caught.value)
    assert told.startswith(f"acme/x of acme-plugin 1.2: {target} cannot be imported")
    assert told.endswith("try: pip install --upgrade --force-reinstall acme-plugin")
    assert caught.value.__cause__ is not None


def test_a_target_that_needs_extras_names_what_to_install() -> None:
    extras = ("acme-plugin[video]", "ffmpeg-thing>=2")
    offer = replace(OFFER, target="no_such_module:thing", extras=extras, owner=OWNER)
    with pytest.raises(OfferImportError) as caught:
        offer.load()
    assert str(caught.value).endswith("pip install 'acme-plugin[video]' 'ffmpeg-thing>=2'")


def test_no_modality_means_any() -> None:
    assert OFFER.suits("smell")
    assert replace(OFFER, modality=frozenset({"smell"})).suits("smell")
    assert not replace(OFFER, modality=frozenset({"taste"})).suits("smell")
