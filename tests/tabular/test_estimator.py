from __future__ import annotations

from pathlib import Path

import jaxtyping
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from tacit_tabular.estimator import TabularEncoder

FRAME = pd.DataFrame(
    {
        "age": [20.0, 40.0, None, 60.0] * 8,
        "job": ["cook", None, "nurse", "cook"] * 8,
        "member": [True, False, True, True] * 8,
    }
)
LABEL = np.array([0, 1, 0, 1] * 8)


def small(method: str = "vime", encoder: str = "mlp") -> TabularEncoder:
    return TabularEncoder(method, encoder=encoder, width=8, depth=1, epochs=1)


def test_scikit_learn_finds_nothing_amiss() -> None:
    # It hands constructors anything, which they are to store; ours are type-checked in tests.
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        check_estimator(small(), on_skip=None)
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize("method", ["scarf", "vime", "mvm", "t-jepa"])
def test_every_method_fits_and_transforms_mixed_frames(method: str) -> None:
    vectors = small(method, "transformer").fit_transform(FRAME)
    assert vectors.shape == (32, 8)
    assert np.isfinite(vectors).all()


def test_it_stands_in_a_pipeline_and_labels_do_not_reach_it() -> None:
    pipeline = make_pipeline(small(), LogisticRegression()).fit(FRAME, LABEL)
    assert pipeline.predict(FRAME).shape == (32,)
    bare = small().fit(FRAME)
    np.testing.assert_array_equal(pipeline[0].transform(FRAME), bare.transform(FRAME))


def test_names_of_features_go_into_frames() -> None:
    fitted = small().set_output(transform="pandas").fit(FRAME)
    names = [f"tabularencoder{at}" for at in range(8)]
    assert list(fitted.get_feature_names_out()) == names
    assert list(fitted.transform(FRAME).columns) == names


def test_a_clone_is_not_fitted_and_fits_to_the_same() -> None:
    fitted = small().fit(FRAME)
    again = clone(fitted)
    assert not hasattr(again, "encoder_")
    np.testing.assert_array_equal(again.fit_transform(FRAME), fitted.transform(FRAME))


@pytest.mark.parametrize("encoder", ["mlp", "transformer"])
def test_what_is_saved_answers_the_same(encoder: str, tmp_path: Path) -> None:
    fitted = small("vime", encoder).fit(FRAME)
    fitted.save(tmp_path / "saved")
    read = TabularEncoder.load(tmp_path / "saved")
    np.testing.assert_array_equal(read.transform(FRAME), fitted.transform(FRAME))
    with pytest.raises(ValueError, match="match those"):
        read.transform(FRAME.drop(columns="job"))


def test_new_categories_and_missing_cells_are_values() -> None:
    fitted = small().fit(FRAME)
    new = FRAME.assign(job="astronaut", age=np.nan)
    assert np.isfinite(fitted.transform(new)).all()


def test_polars_and_pandas_answer_the_same() -> None:
    fitted = small().fit(FRAME)
    np.testing.assert_array_equal(
        fitted.transform(
            pl.from_dict(
                {
                    name: FRAME[name].astype(object).where(FRAME[name].notna(), None).tolist()
                    for name in FRAME
                }
            )
        ),
        fitted.transform(FRAME),
    )


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_are_refused(rows: int) -> None:
    with pytest.raises(ValueError, match=f"{rows} sample"):
        small().fit(FRAME.iloc[:rows])
    with pytest.raises(ValueError, match="0 sample"):
        small().fit(FRAME).transform(FRAME.iloc[:0])


def test_one_row_is_transformed_as_among_others() -> None:
    fitted = small().fit(FRAME)
    np.testing.assert_allclose(fitted.transform(FRAME.iloc[:1]), fitted.transform(FRAME)[:1])


def test_an_encoder_without_tokens_is_refused_for_masked_values() -> None:
    with pytest.raises(ValueError, match="tokens"):
        small("mvm", "mlp").fit(FRAME)
    with pytest.raises(ValueError, match="'transformer', 'mlp' or 'resnet'"):
        small("vime", "forest").fit(FRAME)
