"""Node features on their way into the first layer: masked, dropped out, and sparse where they are.

Bags of words are mostly zeros: Cora's features are 1.3 % dense. Multiplied as such, the first layer
is most of a step on a CPU. Here rows that are sparse enough are multiplied by `embedding_bag`,
which touches what is not zero; the result is the same.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

DENSEST = 0.1
"""Share of entries that are not zero, up to which rows count as sparse."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SparseRows:
    """The entries of a matrix that are not zero, row by row.

    Args:
        columns: of each entry.
        values: of each entry.
        rows: of each entry.
        starts: position of each row's first entry.
    """

    columns: Int[Tensor, " entries"]
    values: Float[Tensor, " entries"]
    rows: Int[Tensor, " entries"]
    starts: Int[Tensor, " nodes"]

    @classmethod
    def of(cls, x: Float[Tensor, "nodes features"]) -> SparseRows | None:
        """The entries, where they are few enough to be worth it; None on devices not the CPU.

        Counting them would make other devices wait, and they multiply dense matrices fast.
        """
        if x.device.type != "cpu" or int(torch.count_nonzero(x)) > DENSEST * x.numel():
            return None
        rows, columns = x.nonzero(as_tuple=True)
        counts = rows.bincount(minlength=len(x))
        return cls(
            columns=columns, values=x[rows, columns], rows=rows, starts=counts.cumsum(0) - counts
        )

    def times(
        self, values: Float[Tensor, " entries"], weight: Float[Tensor, "features width"]
    ) -> Float[Tensor, "nodes width"]:
        """The matrix with these values in place of its own, times a dense one."""
        return functional.embedding_bag(
            self.columns, weight, self.starts, mode="sum", per_sample_weights=values
        )


class Remembered:
    """The sparse form of the features seen last: a whole graph brings the same ones every step."""

    def __init__(self) -> None:
        self._seen: weakref.ref[Tensor] | None = None
        self._version = -1
        self._found: SparseRows | None = None

    def __call__(self, x: Float[Tensor, "nodes features"]) -> SparseRows | None:
        """The sparse form of the features; None where they are not sparse."""
        same = self._seen is not None and self._seen() is x and self._version == x._version
        if not same:
            self._seen, self._version, self._found = weakref.ref(x), x._version, SparseRows.of(x)
        return self._found

    def __deepcopy__(self, _: object) -> Remembered:
        return Remembered()

    def __reduce__(self) -> tuple[type[Remembered], tuple[()]]:
        return Remembered, ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """What enters a layer.

    Args:
        x: features of every node.
        sparse: the same, where they are sparse; `x` is then not touched.
        hidden: nodes that enter as the token instead.
        token: what hidden nodes enter as.
        dropout: share of the features set to zero, the others scaled up.
    """

    x: Float[Tensor, "nodes features"]
    sparse: SparseRows | None = None
    hidden: Bool[Tensor, " nodes"] | None = None
    token: Float[Tensor, " features"] | None = None
    dropout: float = 0.0

    def dense(self) -> Float[Tensor, "nodes features"]:
        """All of it as one matrix."""
        x = self.x
        if self.hidden is not None:
            assert self.token is not None, "whoever hides nodes says what they enter as"
            x = torch.where(self.hidden[:, None], self.token.to(x.dtype), x)
        return functional.dropout(x, self.dropout) if self.dropout else x

    def times(self, weight: Float[Tensor, "width features"]) -> Float[Tensor, "nodes width"]:
        """All of it times a layer's weight.

        Sparse features share one draw of the dropout of the token among all hidden nodes, where
        dense ones draw for each: the token has as many features as there are, and hidden nodes
        would no longer be cheap.
        """
        if self.sparse is None:
            return functional.linear(self.dense(), weight)
        values, columns = self.sparse.values, weight.t().contiguous()
        if self.hidden is not None:
            values = values * ~self.hidden[self.sparse.rows]
        values = functional.dropout(values, self.dropout) if self.dropout else values
        out = self.sparse.times(values.to(weight.dtype), columns)
        if self.hidden is None:
            return out
        assert self.token is not None, "whoever hides nodes says what they enter as"
        token = functional.dropout(self.token, self.dropout) if self.dropout else self.token
        return out + self.hidden[:, None] * functional.linear(token, weight)
