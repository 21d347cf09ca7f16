from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from data_toys import Noise, Numbers

from tacit.contract import Batch
from tacit.data import Source, fingerprint, opening, recognise, scan


def test_the_fingerprint_tells_size_content_and_labels_apart() -> None:
    class Doubled(Numbers):
        def fetch(self, indices: Sequence[int]) -> Batch:
            batch = super().fetch(indices)
            return Batch(values={"number": batch.values["number"] * 2}, index=batch.index)

    class Relabelled(Numbers):
        def labels(self) -> torch.Tensor:
            return torch.arange(self.size) % 3

    names = {s.fingerprint() for s in (Numbers(), Numbers(21), Doubled(), Relabelled())}
    assert len(names) == 4
    assert Numbers().fingerprint() == Numbers().fingerprint()


def test_fingerprints_are_the_same_everywhere() -> None:
    parts = ("a", 1, None, 2.5, b"x", {"k": torch.arange(3, dtype=torch.int32)}, [1, 2])
    assert fingerprint(*parts) == "e13f5154e2754376"


def test_fingerprints_see_type_shape_and_nesting() -> None:
    flat = torch.zeros(4)
    same_bytes = [flat, flat.view(2, 2), flat.int(), [flat], {"a": flat}]
    assert len({fingerprint(value) for value in same_bytes}) == 5
    assert fingerprint(["ab", "c"]) != fingerprint(["a", "bc"])
    with pytest.raises(TypeError, match=r"override the source's fingerprint"):
        fingerprint(object())


def test_a_description_says_how_much_of_what() -> None:
    source = Numbers(1200)
    assert source.describe() == "1,200 instances of number, labels"
    source.label_names = ("even", "odd")
    source.skipped = ("a.x: broken",)
    assert source.describe() == "1,200 instances of number, 2 classes, 1 skipped"
    assert Noise().describe() == "endless number"


def test_the_opening_of_data_is_their_first_instances_or_a_few_made_for_nothing() -> None:
    assert opening(Numbers(5), 2).index.tolist() == [0, 1]
    assert opening(Numbers(1), 2).index.tolist() == [0]
    first, again = (opening(Noise(), 2).values["number"] for _ in range(2))
    assert first.shape == (2, 3)
    assert torch.equal(first, again)


def test_a_bare_text_means_the_one_source_that_recognises_it() -> None:
    class A(Numbers):
        @classmethod
        def recognises(cls, given: str) -> bool:
            return given.startswith("a")

    class B(Numbers):
        @classmethod
        def recognises(cls, given: str) -> bool:
            return given.endswith("b")

    sources: dict[str, type[Source]] = {"x/a": A, "x/b": B, "x/never": Numbers}
    assert recognise("a.1", sources) == "x/a"
    with pytest.raises(
        ValueError, match=r"several sources can read it: x/a \(number\), x/b"
    ) as error:
        recognise("a.b", sources)
    assert "Name the one you mean, as in --data x/a data.path=a.b" in str(error.value)
    with pytest.raises(ValueError, match=r"no such path.*name a source: x/a, x/b, x/never"):
        recognise("c", sources)


class Any(Numbers):
    @classmethod
    def recognises(cls, given: str) -> bool:
        return True


class Spelling(Any):
    modalities = ("letter",)


def test_of_several_that_recognise_it_the_one_of_the_wanted_modality_is_meant() -> None:
    sources: dict[str, type[Source]] = {"x/numbers": Any, "x/letters": Spelling}
    assert recognise("a", sources, wanted={"letter"}) == "x/letters"
    assert recognise("a", sources, wanted={"number"}) == "x/numbers"
    for undecided in ((), {"letter", "number"}):
        with pytest.raises(ValueError, match=r"x/letters \(letter\), x/numbers \(number\)\. Name"):
            recognise("a", sources, wanted=undecided)


def test_nobody_who_gives_the_wanted_modality_is_said_not_guessed() -> None:
    sources: dict[str, type[Source]] = {"x/numbers": Any, "x/letters": Spelling}
    with pytest.raises(ValueError, match=r"x/numbers \(number\), none of them as sound\. Name"):
        recognise("a", sources, wanted={"sound"})


def test_what_one_source_alone_recognises_is_its_own_whatever_is_wanted() -> None:
    assert recognise("a", {"x/letters": Spelling}, wanted={"number"}) == "x/letters"


def problem(position: int) -> str | None:
    return f"item{position}: broken" if position % 3 == 0 else None


def test_unreadable_items_are_an_error_that_lists_the_first() -> None:
    with pytest.raises(ValueError, match=r"7 of 20 things cannot be read") as caught:
        scan(20, problem, what="things")
    message = str(caught.value)
    assert "item0: broken" in message
    assert "item12: broken" in message
    assert "item15" not in message
    assert "and 2 more" in message
    assert 'on_error="skip"' in message


def test_skipped_items_are_counted_and_reported() -> None:
    with pytest.warns(UserWarning, match=r"left out 2 of 5 things:\n  item0: broken"):
        found = scan(5, problem, what="things", on_error="skip")
    assert found.kept == (1, 2, 4)
    assert found.skipped == ("item0: broken", "item3: broken")


def test_nothing_readable_is_an_error_even_when_skipping() -> None:
    with pytest.raises(ValueError, match="none of the 2 things can be read"):
        scan(2, lambda position: "broken", what="things", on_error="skip")


def test_readable_items_pass_in_silence() -> None:
    assert scan(3, lambda position: None, what="things").kept == (0, 1, 2)
