"""Problems: small data sets as instances, and the Gaussian processes they may be drawn from."""

from tacit_tabular.problems.modality import Problem, Problems
from tacit_tabular.problems.process import Answer, ProcessConfig, draw, posterior

__all__ = ["Answer", "Problem", "Problems", "ProcessConfig", "draw", "posterior"]
