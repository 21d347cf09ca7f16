"""Over two processes the gradients of cross-modal objectives are those of the whole batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

WORKER = Path(__file__).with_name("cross_modal_worker.py")
ROOT = Path(__file__).parents[3]


def test_gradients_of_all_parameters_are_those_of_one_process(tmp_path: Path) -> None:
    """With members missing unequally, and of temperature, scale and bias too."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, str(WORKER), str(rank), str(tmp_path)],
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for rank in range(2)
    ]
    errors = [process.communicate(timeout=280)[1] for process in processes]
    assert all(process.returncode == 0 for process in processes), "\n".join(errors)
    for rank in range(2):
        answers = json.loads((tmp_path / f"answer{rank}.json").read_text())
        assert {"objective.log_scale", "objective.bias"} <= set(answers["siglip"])
        assert "objective.log_scale" in answers["clip"]
        for name, differences in answers.items():
            assert max(differences.values()) < 1e-6, (name, differences)
