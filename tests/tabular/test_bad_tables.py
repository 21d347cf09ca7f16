"""Tables as they come: what an estimator is given is learnt from, or refused with its reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tacit_tabular.data import FrameSource
from tacit_tabular.estimator import TabularEncoder

ROWS = 32
GOOD = pd.DataFrame({"age": np.linspace(20.0, 60.0, ROWS), "job": ["cook", "nurse"] * (ROWS // 2)})
ODD = {
    "all missing": GOOD.assign(none=np.nan),
    "all missing objects": GOOD.assign(none=None),
    "constant": GOOD.assign(same=7, word="x"),
    "mixed": GOOD.assign(mixed=[1, "two", 3.0, None] * (ROWS // 4)),
    "a category a row": GOOD.assign(code=[f"c{at}" for at in range(ROWS)]),
    "huge and tiny": GOOD.assign(huge=np.linspace(1e300, 1.1e300, ROWS) / 1e200, tiny=1e-300),
}


def small(method: str = "vime", encoder: str = "mlp") -> TabularEncoder:
    return TabularEncoder(method, encoder=encoder, width=8, depth=1, epochs=1)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(
    ("method", "encoder"), [("vime", "mlp"), ("scarf", "mlp"), ("mvm", "transformer")]
)
def test_odd_columns_are_learnt_from_and_embedded(name: str, method: str, encoder: str) -> None:
    vectors = small(method, encoder).fit_transform(ODD[name])
    assert np.isfinite(vectors).all()


def test_t_jepa_takes_odd_columns_together() -> None:
    frame = pd.concat([GOOD, *(odd.drop(columns=["age", "job"]) for odd in ODD.values())], axis=1)
    frame.columns = [f"{at} {name}" for at, name in enumerate(frame.columns)]
    assert np.isfinite(small("t-jepa", "transformer").fit_transform(frame)).all()


def test_ten_thousand_categories_are_learnt_from() -> None:
    frame = pd.DataFrame({"code": [f"c{at}" for at in range(10_000)], "age": range(10_000)})
    fitted = TabularEncoder("vime", encoder="mlp", width=8, depth=1, epochs=1, batch=5000)
    assert len(fitted.fit(frame).columns_[0].categories) == 10_000
    assert np.isfinite(fitted.transform(frame.iloc[:5])).all()


def test_names_that_occur_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="'age' 2 times"):
        small().fit(pd.concat([GOOD, GOOD[["age"]]], axis=1))


def test_a_column_that_is_new_or_gone_at_transform_is_refused() -> None:
    fitted = small().fit(GOOD)
    for wrong in (GOOD.drop(columns="job"), GOOD.assign(new=1)):
        with pytest.raises(ValueError, match="match those"):
            fitted.transform(wrong)


def test_a_whole_number_is_one_category_though_a_missing_value_makes_it_a_float() -> None:
    train = FrameSource(pd.DataFrame({"code": [1, 2, 3]}), kinds={"code": "categorical"})
    assert train.columns[0].categories == ("1", "2", "3")
    new = FrameSource(pd.DataFrame({"code": [3, None, 9]}), columns=train.columns)
    cells = new.fetch(range(3)).values["table"].cells[:, 0]
    assert cells[0] == 2
    assert cells[1].isnan()
    assert cells[2] == -1
