"""What an encoder of text is worth: similarity of pairs, two linear probes, and fine-tuned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import torch
from torch import Tensor

from tacit.contract import Batch, Encoder
from tacit.data import Loader
from tacit.evaluation import FineTuneConfig, LinearProbeConfig, fine_tune
from tacit.evaluation import Labelled as Trained
from tacit.evaluation.embed import evaluation_mode
from tacit.evaluation.linear import linear_probe
from tacit.nn.pooling import mean_tokens
from tacit_text.data.memory import TextsInMemory
from tacit_text.probes import embed_texts, similarity, spearman
from tacit_text.texts import Texts

PROBED = {"sst2": "SST-2", "trec6": "TREC"}
STS, LAYERS = "STS-B", "STS-B, layers"
"""Of pooled vectors, and of the mean tokens of all layers side by side."""
TUNED = "TREC, fine-tuned"
FINE = FineTuneConfig(labels=1_000_000, epochs=4, lr=2e-4)
"""On all labels; the rate is one with which random weights learn: at 1e-3 they do worse."""
Scores = dict[str, float]


@dataclass(frozen=True)
class Labelled:
    """Texts and their classes."""

    texts: list[str]
    classes: Tensor


@dataclass(frozen=True)
class _Readable:
    """Texts in any order, for fine-tuning."""

    source: TextsInMemory

    def __iter__(self) -> Iterator[Batch]:
        yield self.source.fetch(list(range(len(self.source))))

    def read(self, indices: Sequence[int]) -> Batch:
        return self.source.fetch(indices)


@dataclass(frozen=True)
class Measure:
    """Where scores are measured.

    Args:
        data: the folder of data sets.
        validation: on parts held out of training instead of the test parts: to choose settings by.
    """

    data: Path
    validation: bool = False

    def encoder(self, encoder: Encoder, *, probes: bool = True) -> Scores:
        """Of an encoder: rank correlations and anisotropy, and accuracies unless not wanted."""
        first, second, judged = self.pairs()
        found = similarity(embed_texts(encoder, first), embed_texts(encoder, second), judged)
        scores = {STS: round(100 * found.spearman, 2), "anisotropy": round(found.anisotropy, 3)}
        if probes:
            found = similarity(layered(encoder, first), layered(encoder, second), judged)
            scores[LAYERS] = round(100 * found.spearman, 2)
        for name in PROBED if probes else ():
            scores[PROBED[name]] = self._probe(encoder, name)
        return scores

    def fine_tuned(self, encoder: Encoder) -> float:
        """Percent right on TREC of a copy of the encoder trained with all its labels."""
        train, test = self.parts("trec6")
        data = Trained(
            data=_Readable(TextsInMemory(train.texts)),
            index=torch.arange(len(train.texts)),
            codes=train.classes,
            classes=int(train.classes.max()) + 1,
        )
        drawn = torch.Generator().manual_seed(0)
        tuned = fine_tune(encoder, data, width=encoder.spec.width, generator=drawn, config=FINE)
        with Loader(TextsInMemory(test.texts)) as loader:
            found = tuned.predict(loader.sequential(256))
        return round(100 * float((found == test.classes).double().mean()), 2)

    def tfidf(self) -> Scores:
        """Of TF-IDF of words and pairs with logistic regression; on STS-B the cosine of words."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        first, second, judged = self.pairs()
        weigh = TfidfVectorizer().fit(first + second)
        product = weigh.transform(first).multiply(weigh.transform(second))
        cosine = torch.tensor(product.sum(1)).flatten()
        scores = {STS: round(100 * spearman(cosine, judged), 2)}
        for name, title in PROBED.items():
            train, test = self.parts(name)
            weigh = TfidfVectorizer(ngram_range=(1, 2))
            model = LogisticRegression(C=10, max_iter=1000)
            model.fit(weigh.fit_transform(train.texts), train.classes)
            right = model.score(weigh.transform(test.texts), test.classes)
            scores[title] = round(100 * float(right), 2)
        return scores

    def majority(self) -> Scores:
        """Of the class most frequent in training."""
        return {
            title: round(100 * float((test.classes == train.classes.mode()[0]).double().mean()), 2)
            for name, title in PROBED.items()
            for train, test in [self.parts(name)]
        }

    def pairs(self) -> tuple[list[str], list[str], Tensor]:
        """The pairs of STS-B and how alike people found them."""
        part = "validation" if self.validation else "test"
        table = pq.read_table(self.data / "stsb_en" / f"{part}.parquet").to_pydict()
        return table["sentence1"], table["sentence2"], torch.tensor(table["score"])

    def parts(self, name: str) -> tuple[Labelled, Labelled]:
        """What a probe is fitted on, and what it is measured on."""
        train = _read(self.data / name / "train.parquet")
        if not self.validation:
            return train, _read(self.data / name / "test.parquet")
        held = torch.arange(len(train.texts)) % 5 == 0
        return _chosen(train, ~held), _chosen(train, held)

    def _probe(self, encoder: Encoder, name: str) -> float:
        train, test = self.parts(name)
        probe = linear_probe(
            layered(encoder, train.texts),
            train.classes,
            classes=int(train.classes.max()) + 1,
            generator=torch.Generator().manual_seed(0),
            config=LinearProbeConfig(penalties=(1.0, 0.1, 1e-2, 1e-3, 1e-4)),
        )
        found = probe.predict(layered(encoder, test.texts))
        found = found.argmax(1) if found.ndim == 2 else found
        return round(100 * float((found == test.classes).double().mean()), 2)


@torch.no_grad()
def layered(encoder: Encoder, texts: list[str], *, batch: int = 256) -> Tensor:
    """The mean tokens of all layers of an encoder side by side; pooled vectors if it has none."""
    taps = tuple(range(1, encoder.spec.layers + 1))
    if not taps:
        return embed_texts(encoder, texts, batch=batch)
    found = []
    with evaluation_mode(encoder):
        for at in range(0, len(texts), batch):
            encoding = encoder(Texts(tuple(texts[at : at + batch])), taps=taps)
            each = [mean_tokens(encoding.layers[tap], encoding) for tap in taps]
            found.append(torch.cat(each, 1).float())
    return torch.cat(found)


def _read(path: Path) -> Labelled:
    table = pq.read_table(path, columns=["text", "label"]).to_pydict()
    return Labelled(table["text"], torch.tensor(table["label"]))


def _chosen(part: Labelled, these: Tensor) -> Labelled:
    return Labelled([part.texts[i] for i in these.nonzero().flatten()], part.classes[these])
