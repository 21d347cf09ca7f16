"""Gaussian processes: problems drawn from them, and their exact answer to a problem."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from tacit_tabular.problems.modality import Problems


@dataclass(frozen=True, kw_only=True)
class ProcessConfig:
    """A Gaussian process with mean 0, deviation 1 and a squared exponential kernel.

    Args:
        inputs: columns of a row, uniform on [0, 1].
        rows: of a problem, known and asked for together.
        lengthscales: how far apart rows must lie to differ; each problem has one of them, all
            equally likely.
        noise: deviation of the noise of the labels.

    Raises:
        ValueError: numbers that are not positive, or noise too small to invert a kernel with.
    """

    inputs: int = 1
    rows: int = 32
    lengthscales: tuple[float, ...] = (0.2,)
    noise: float = 0.1

    def __post_init__(self) -> None:
        if self.inputs < 1:
            raise ValueError(f"inputs: wanted at least 1; got {self.inputs}")
        if self.rows < 2:
            raise ValueError(f"rows: wanted at least 2; got {self.rows}")
        if not self.lengthscales or min(self.lengthscales) <= 0:
            raise ValueError(f"lengthscales: wanted numbers above 0; got {self.lengthscales}")
        if self.noise < 1e-3:
            raise ValueError(f"noise: wanted at least 0.001; got {self.noise}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What is to be expected of the label of every row: its mean and deviation, noise included."""

    mean: Float[Tensor, "problems rows"]
    deviation: Float[Tensor, "problems rows"]


def draw(
    config: ProcessConfig, count: int, generator: Generator
) -> tuple[Problems, Int[Tensor, " problems"]]:
    """Problems with all labels known, and which lengthscale each has.

    Drawn in double precision, which the kernel of close rows needs, and given in single.

    Args:
        config: the process.
        count: how many.
        generator: on the CPU.
    """
    shape, double = (count, config.rows), torch.float64
    inputs = torch.rand(*shape, config.inputs, generator=generator, dtype=double)
    which = torch.randint(len(config.lengthscales), (count,), generator=generator)
    scales = torch.tensor(config.lengthscales, dtype=double)[which]
    covariance = kernel(inputs, scales[:, None, None]) + config.noise**2 * torch.eye(config.rows)
    normal = torch.randn(*shape, 1, generator=generator, dtype=double)
    labels = (torch.linalg.cholesky(covariance) @ normal).squeeze(2)
    return Problems(inputs=inputs.float(), labels=labels.float()), which


def kernel(
    inputs: Float[Tensor, "problems rows columns"], scale: Tensor | float
) -> Float[Tensor, "problems rows rows"]:
    """The squared exponential kernel between all rows of a problem."""
    apart = (inputs[:, :, None] - inputs[:, None]).square().sum(3)  # exactly 0 of a row to itself
    return torch.exp(-0.5 * apart / scale**2)


def posterior(config: ProcessConfig, problems: Problems) -> Answer:
    """The exact answer: the mean and deviation of every row's label, given the labels known.

    With several lengthscales, the answers by each of them, weighted by how likely it makes the
    labels known.

    Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, eq. 2.23, 2.24 and
    2.30.
    """
    found = [_of_one(config, problems, scale) for scale in config.lengthscales]
    evidence = torch.stack([each[2] for each in found])
    weight = evidence.softmax(0)[..., None]
    means, variances = (torch.stack([each[part] for each in found]) for part in (0, 1))
    mean = (weight * means).sum(0)
    square = (weight * (variances + means.square())).sum(0)
    return Answer(mean=mean, deviation=(square - mean.square()).clamp(min=0).sqrt())


def _of_one(
    config: ProcessConfig, problems: Problems, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance by one lengthscale, and the log density of the labels known."""
    known = (~problems.labels.isnan()).double()
    labels = problems.labels.double().nan_to_num(0.0)
    whole = kernel(problems.inputs.double(), scale)
    seen = whole * known[:, None]
    # Rows that are not known stand apart from all others, with a variance of 1: they weigh nothing.
    covariance = seen * known[..., None]
    covariance = covariance + torch.diag_embed(torch.where(known > 0, config.noise**2, 1.0))
    factor = torch.linalg.cholesky(covariance)
    solved = torch.cholesky_solve(labels[..., None], factor)
    mean = (seen @ solved).squeeze(2)
    explained = (seen * torch.cholesky_solve(seen.mT, factor).mT).sum(2)
    variance = 1.0 + config.noise**2 - explained
    size = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
    surprise = (labels * solved.squeeze(2)).sum(1)
    evidence = -0.5 * (surprise + size + known.sum(1) * math.log(2 * math.pi))
    return mean, variance, evidence
