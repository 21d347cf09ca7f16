"""Over two processes the gradients of cross-modal objectives are those of the whole batch."""

from __future__ import annotations

from pathlib import Path

from tests.core.ranks import answers_of


def test_gradients_of_all_parameters_are_those_of_one_process(tmp_path: Path) -> None:
    """With members missing unequally, and of temperature, scale and bias too."""
    for answers in answers_of("tests.core.objectives.cross_modal_worker", tmp_path, 2):
        assert {"objective.log_scale", "objective.bias"} <= set(answers["siglip"])
        assert "objective.log_scale" in answers["clip"]
        for name, differences in answers.items():
            assert max(differences.values()) < 1e-6, (name, differences)


def test_masked_prediction_across_modalities_counts_the_hidden_tokens_of_all(
    tmp_path: Path,
) -> None:
    """With unlike numbers of hidden tokens and of members, dense and packed."""
    for answers in answers_of("tests.core.objectives.masked_across_worker", tmp_path, 2):
        assert {"a.embed.weight", "reader.a.of.c.embed.weight"} <= set(answers)
        assert max(answers.values()) < 1e-6, answers
