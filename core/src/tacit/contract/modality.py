"""A modality: how values of one kind of data are put together and looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tacit.contract.spans import Places


class Modality:
    """What the core must know of a kind of data; the defaults fit batch-first tensors.

    Attributes:
        name: the word by which encoders, views and sources find each other.
        default_encoder: the encoder of a run that names none.
        mixes: whether a value between two others is one of this kind, and `mix` makes it. The
            modality's offer then provides the word `mix`.
        supervises: whether people would fit a certain model on labelled values of this kind instead
            of pretraining, and `supervised` does: it then stands beside every probe of labels.
    """

    name: str
    default_encoder: str
    mixes: bool = False
    supervises: bool = False

    def collate(self, samples: Sequence[Any]) -> Any:
        """Samples into one batch value.

        Raises:
            ValueError: the samples do not fit together; says which and what to do.
        """
        shapes = {tuple(sample.shape) for sample in samples}
        if len(shapes) > 1:
            listed = ", ".join(map(str, sorted(shapes)[:3]))
            raise ValueError(f"{self.name}: samples of one batch differ in shape: {listed}")
        return torch.stack(list(samples))

    def size(self, value: Any) -> int:
        """Instances a value holds."""
        return int(value.shape[0])

    def concatenate(self, values: Sequence[Any]) -> Any | None:
        """Values as one value with all their instances, or None where they do not fit together."""
        if len({tuple(value.shape[1:]) for value in values}) > 1:
            return None
        return torch.cat(list(values))

    def mix(
        self, value: Any, other: Any, *, order: Int[Tensor, " instances"], share: Float[Tensor, ""]
    ) -> Any:
        """`share` of each instance of a value, and the rest of another value's `order`-th.

        Raises:
            ValueError: values that cannot be added, or do not have one shape.
        """
        if not isinstance(value, Tensor) or not value.is_floating_point():
            got = value.dtype if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"{self.name}: wanted a tensor of floats to mix; got {got}")
        if value.shape != other.shape:
            shapes = f"{tuple(value.shape)} and {tuple(other.shape)}"
            raise ValueError(f"{self.name}: wanted views of one shape to mix; got {shapes}")
        return torch.lerp(other[order], value, share.to(value.dtype))

    def raw_features(self, value: Any) -> Float[Tensor, "instances features"]:
        """The value as plain numbers, for the raw-features baseline of every probe."""
        features: Tensor = value.flatten(1).float()
        return features

    def places(self, preprocessing: object | None, value: Any, tokens: int) -> Places:
        """Where the tokens of an encoder lie along their instances, for labels of parts of these.

        Args:
            preprocessing: of the encoder.
            value: what the tokens were made of.
            tokens: of each instance, padding included.

        Raises:
            ValueError: it is not known, by default of any encoder.
        """
        raise ValueError(
            f"{self.name}: nobody says where along an instance tokens lie, so labels of its parts "
            "have none: leave out probes of tokens"
        )

    def raw_places(
        self, preprocessing: object | None, value: Any, tokens: int
    ) -> Float[Tensor, "instances places features"]:
        """Plain numbers of every place: the baseline of probes of tokens; see `places`.

        Raises:
            ValueError: as `places`.
        """
        raise ValueError(f"{self.name}: values of this kind have no raw features of their parts")

    def supervised(
        self,
        train: Any,
        test: Any,
        *,
        rows: Int[Tensor, " labelled"],
        labels: Int[Tensor, " labelled"] | Float[Tensor, "labelled targets"],
        classes: int | None,
        seed: int,
    ) -> Int[Tensor, " instances"] | Float[Tensor, "instances targets"]:
        """What a model fitted on labelled values predicts for others; asked where it `supervises`.

        Args:
            train: values, some or all of them labelled.
            test: values to predict for.
            rows: which instances of `train` are labelled.
            labels: class of each of those, from 0, or its numbers.
            classes: how many classes there are; None for numbers.
            seed: of what is drawn in fitting.
        """
        raise ValueError(f"{self.name}: no supervised model is known for values of this kind")

    def suggest(self, value: Any) -> Mapping[str, object]:
        """Encoder settings the data decide (a size, a number of channels), by name.

        They are used where an encoder has a setting of that name and the run does not set it.
        """
        return {}

    def fit(self, preprocessing: object | None, value: Any) -> None:
        """Refuse values an encoder's preprocessing does not fit.

        Raises:
            ValueError: wanted and got (size, channels, rate ...), and what to do.
        """
        return

    def survey(self, preprocessing: object | None, values: Iterator[Any]) -> None:
        """Look at all values before training, where a modality has reason to; by default at none.

        For what cannot be seen of one value: warn of what an encoder will cut, refuse what it will
        not take.

        Args:
            preprocessing: of the encoder.
            values: all of the data, batch by batch, read only as far as it is gone through.

        Raises:
            ValueError: which instance, and what to do.
        """
        return
