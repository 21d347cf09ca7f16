"""Training: the loop, schedules, optimisers, checkpoints and distribution."""
