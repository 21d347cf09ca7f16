from __future__ import annotations

import json

import pytest

from tacit.evaluation import Score, aggregate, score_table, to_json, verdict
from tacit.evaluation.scores import Features


def score(features: Features, value: float, std: float = 0.0, metric: str = "accuracy") -> Score:
    return Score(probe="linear", metric=metric, features=features, value=value, std=std, seeds=3)


def test_seeds_are_summarised_by_mean_and_sample_deviation() -> None:
    got = aggregate("knn", "accuracy", "raw", [0.1, 0.2, 0.6])
    assert got.value == pytest.approx(0.3)
    assert got.std == pytest.approx(0.07**0.5)
    assert got.seeds == 3
    assert aggregate("knn", "accuracy", "raw", [0.1]).std == 0


def test_no_values_have_no_mean() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        aggregate("knn", "accuracy", "raw", [])


def test_the_record_has_exactly_these_keys() -> None:
    records = json.loads(json.dumps(to_json([score("encoder", 0.5, 0.1), score("raw", 0.4)])))
    assert records == [
        {
            "probe": "linear",
            "metric": "accuracy",
            "features": "encoder",
            "value": 0.5,
            "std": 0.1,
            "seeds": 3,
            "labels": None,
        },
        {
            "probe": "linear",
            "metric": "accuracy",
            "features": "raw",
            "value": 0.4,
            "std": 0.0,
            "seeds": 3,
            "labels": None,
        },
    ]


def test_a_baseline_that_is_not_beaten_is_named() -> None:
    rivals = [score("random", 0.3), score("raw", 0.6), score("majority", 0.1)]
    assert verdict(score("encoder", 0.5), rivals) == "does not beat raw features"
    assert verdict(score("encoder", 0.6), rivals) == "does not beat raw features"
    assert verdict(score("encoder", 0.7), rivals) == "beats all baselines"


def test_a_lead_within_the_spread_is_not_called_a_win() -> None:
    said = verdict(score("encoder", 0.62, 0.03), [score("raw", 0.6, 0.02)])
    assert said == "within the spread of raw features"


def test_an_error_is_better_when_lower() -> None:
    rivals = [score("raw", 2.0, metric="rmse"), score("majority", 4.0, metric="rmse")]
    assert verdict(score("encoder", 3.0, metric="rmse"), rivals) == "does not beat raw features"


def test_a_metric_that_only_describes_has_no_verdict() -> None:
    assert (
        verdict(score("encoder", 3.0, metric="rank"), [score("random", 5.0, metric="rank")]) == ""
    )


def test_the_table_shows_the_encoder_beside_its_baselines_and_says_when_it_loses() -> None:
    text = score_table(
        [
            score("encoder", 0.5, 0.01),
            score("random", 0.3),
            score("raw", 0.6),
            score("majority", 0.1),
        ]
    )
    (line,) = [line for line in text.splitlines() if "linear" in line]
    assert "0.5000 ± 0.0100 " in line
    assert line.split()[-6] == "3"
    assert line.index("0.5000") < line.index("0.3000") < line.index("0.6000") < line.index("0.1000")
    assert "does not beat raw features" in line
    assert "\x1b" not in text
