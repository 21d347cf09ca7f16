"""Methods: named compositions, and the learner that runs one."""

from tacit.methods.method import Method, Stage

__all__ = ["Method", "Stage"]
