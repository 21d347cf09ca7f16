"""The probes by name, each a small object that measures one kind of features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tacit.contract import Batch, Encoder
from tacit.evaluation.embed import Tap
from tacit.evaluation.fine_tune import FineTuneConfig, Labelled, Readable, fine_tune
from tacit.evaluation.geometry import alignment, uniformity
from tacit.evaluation.label_free import rankme
from tacit.evaluation.layers import LayersProbeConfig, layers_probe
from tacit.evaluation.linear import LinearProbeConfig, linear_probe
from tacit.evaluation.neighbours import KnnConfig, knn_predict, knn_regress
from tacit.evaluation.perceptron import PerceptronConfig, perceptron_probe
from tacit.evaluation.ridge import RidgeProbeConfig, ridge_probe
from tacit.evaluation.targets import Target

Need: TypeAlias = Literal["labels", "views", "encoder", "layers", "tokens", "token layers"]
"""What a probe needs beside features: labels, views, or labels and the encoder itself, or labels
and what each of its layers makes of the data; or, in place of features of instances, those of
tokens with labels of the parts they lie in, of the tokens alone or of every layer."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What features were made of and by.

    Attributes:
        encoder: not frozen: a probe that trains it trains a copy.
        tap: what of its encoding the features are.
        train: the training set, to be read in any order.
        index: positions of its instances in their data set, rising, as the features are ordered.
        test: the test set.
    """

    encoder: Encoder
    tap: Tap
    train: Readable
    index: Int[Tensor, " train"]
    test: Iterable[Batch]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a probe is given: one kind of features on the training and the test set.

    Of a probe of tokens the rows are tokens, and its target's groups keep instances whole.

    Attributes:
        train: features of the training set.
        test: features of the test set.
        target: for a probe that needs labels.
        views: embeddings of views of the test set, for a probe that needs them.
        source: what the features were made of and by, for a probe that needs the encoder.
        layers: embeddings of both sets by every layer, for a probe that needs them.
    """

    train: Float[Tensor, "train width"]
    test: Float[Tensor, "test width"]
    target: Target | None = None
    views: Float[Tensor, "test views width"] | None = None
    source: Origin | None = None
    layers: (
        tuple[Float[Tensor, "train layers width_l"], Float[Tensor, "test layers width_l"]] | None
    ) = None

    def labelled(self, rows: Int[Tensor, " labelled"]) -> Sample:
        """The same where these instances of the training set alone are labelled."""
        target = _target(self)
        few = replace(
            target,
            train=target.train[rows],
            groups=None if target.groups is None else target.groups[rows],
        )
        here = rows.to(self.train.device)
        layers = None if self.layers is None else (self.layers[0][here], self.layers[1])
        return replace(self, train=self.train[here], target=few, layers=layers)


@runtime_checkable
class Probe(Protocol):
    """An evaluation of features, or of the encoder they are from."""

    @property
    def name(self) -> str:
        """The name its scores bear."""

    @property
    def needs(self) -> Need | None:
        """What it needs beside the features, if anything."""

    @property
    def seeded(self) -> bool:
        """Whether its result depends on the generator; if not, it is run once for all seeds."""

    def __call__(self, sample: Sample, generator: torch.Generator) -> Mapping[str, float]:
        """Measure the features; metric name to value."""


@dataclass(frozen=True, kw_only=True)
class LinearProbe:
    """Logistic regression for classes, ridge regression for numbers."""

    classification: LinearProbeConfig = field(default_factory=LinearProbeConfig)
    regression: RidgeProbeConfig = field(default_factory=RidgeProbeConfig)
    name: str = "linear"
    needs: Need | None = "labels"
    seeded: bool = True

    def __call__(self, sample: Sample, generator: torch.Generator) -> Mapping[str, float]:
        """Fit on the training set and measure on the test set."""
        target = _target(sample)
        model = (
            linear_probe(
                sample.train,
                target.train,
                classes=target.classes,
                generator=generator,
                groups=target.groups,
                config=self.classification,
            )
            if target.classes is not None
            else ridge_probe(
                sample.train,
                target.train,
                generator=generator,
                groups=target.groups,
                config=self.regression,
            )
        )
        return target.scores(model.predict(sample.test))


@dataclass(frozen=True, kw_only=True)
class PerceptronProbe:
    """A small network, for classes and for numbers."""

    config: PerceptronConfig = field(default_factory=PerceptronConfig)
    name: str = "mlp"
    needs: Need | None = "labels"
    seeded: bool = True

    def __call__(self, sample: Sample, generator: torch.Generator) -> Mapping[str, float]:
        """Fit on the training set and measure on the test set."""
        target = _target(sample)
        model = perceptron_probe(
            sample.train,
            target.train,
            classes=target.classes,
            generator=generator,
            groups=target.groups,
            config=self.config,
        )
        return target.scores(model.predict(sample.test))


@dataclass(frozen=True, kw_only=True)
class KnnProbe:
    """Weighted votes (or the weighted mean) of the nearest training instances."""

    config: KnnConfig = field(default_factory=KnnConfig)
    name: str = "knn"
    needs: Need | None = "labels"
    seeded: bool = False

    def __call__(self, sample: Sample, generator: torch.Generator) -> Mapping[str, float]:
        """Predict the test set from the training set."""
        target = _target(sample)
        if target.classes is None:
            predicted = knn_regress(sample.train, target.train, sample.test, config=self.config)
        else:
            predicted = knn_predict(
                sample.train, target.train, sample.test, classes=target.classes, config=self.config
            )
        return target.scores(predicted)


@dataclass(frozen=True, kw_only=True)
class RankMeProbe:
    """Effective rank of the training set's embeddings, of which there are most."""

    name: str = "rankme"
    needs: Need | None = None
    seeded: bool = False

    def __call__(self, sample: Sample, generator: torch.Generator) -> Mapping[str, float]:
        """Measure the rank."""
        return {"rank": rankme(sample.train)}


@dataclass(frozen=True, kw_only=True)
class UniformityProbe:
    """Uniformity of the test set's embeddings."""

    name: str = "uniformity"
    needs: Need | None = None
    seeded: bool = False

    def __call__(self, sample: Sample, generator: torch.Generator) -> Mapping[str, float]:
        """Measure how evenly they are spread."""
        return {"log_potential": uniformity(sample.test)}


@dataclass(frozen=True, kw_only=True)
class AlignmentProbe:
    """Alignment of the first two views of the test set's instances."""

    name: str = "alignment"
    needs: Need | None = "views"
    seeded: bool = False

    def __call__(self, sample: Sample, generator: torch.Generator) -> Mapping[str, float]:
        """Measure how near two views of one instance are."""
        assert sample.views is not None, "evaluate() brings the views"
        return {"distance": alignment(sample.views[:, 0], sample.views[:, 1])}


@dataclass(frozen=True, kw_only=True)
class FineTuneProbe:
    """A copy of the encoder trained on a few labels of each class, see `fine_tune`.

    Raw features have nothing to tune and are left out.
    """

    config: FineTuneConfig = field(default_factory=FineTuneConfig)
    name: str = "fine-tune"
    needs: Need | None = "encoder"
    seeded: bool = True

    def __call__(self, sample: Sample, generator: torch.Generator) -> Mapping[str, float]:
        """Fine-tune on a part of the training set and measure on the test set.

        Raises:
            ValueError: labels that are numbers.
        """
        target, source = _target(sample), sample.source
        assert source is not None, "evaluate() brings the encoder"
        if target.classes is None:
            raise ValueError("fine-tune: wanted labels that are classes; got numbers: leave it out")
        few = Labelled(
            data=source.train, index=source.index, codes=target.train, classes=target.classes
        )
        tuned = fine_tune(
            source.encoder,
            few,
            width=sample.train.shape[1],
            generator=generator,
            tap=source.tap,
            config=self.config,
        )
        return target.scores(tuned.predict(source.test))


@dataclass(frozen=True, kw_only=True)
class LayersProbe:
    """A linear classifier on a learnt weighted sum of all layers, see `layers_probe`.

    Raw features have no layers and are left out.
    """

    config: LayersProbeConfig = field(default_factory=LayersProbeConfig)
    name: str = "layers"
    needs: Need | None = "layers"
    seeded: bool = True

    def __call__(self, sample: Sample, generator: torch.Generator) -> Mapping[str, float]:
        """Fit on the training set and measure on the test set.

        Raises:
            ValueError: labels that are numbers.
        """
        target = _target(sample)
        assert sample.layers is not None, "evaluate() brings the layers"
        if target.classes is None:
            raise ValueError("layers: wanted labels that are classes; got numbers: leave it out")
        train, test = sample.layers
        model = layers_probe(
            train,
            target.train,
            classes=target.classes,
            generator=generator,
            groups=target.groups,
            config=self.config,
        )
        return target.scores(model.predict(test))


def named_probes() -> Mapping[str, Probe]:
    """The core's own probes, with their default settings."""
    probes: tuple[Probe, ...] = (
        LinearProbe(),
        KnnProbe(),
        PerceptronProbe(),
        FineTuneProbe(),
        LayersProbe(),
        LinearProbe(name="token-linear", needs="tokens"),
        KnnProbe(name="token-knn", needs="tokens"),
        LayersProbe(name="token-layers", needs="token layers"),
        RankMeProbe(),
        AlignmentProbe(),
        UniformityProbe(),
    )
    return {probe.name: probe for probe in probes}


def _target(sample: Sample) -> Target:
    assert sample.target is not None, "evaluate() brings the labels"
    return sample.target
