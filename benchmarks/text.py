"""What a minute of training is worth on text: objectives at equal CPU time, and contrasts on top.

    python benchmarks/text.py --data FOLDER [--seconds 40] [--seeds 0 1 2] [--model FOLDER]

`--data` holds `wikitext2_small`, `sst2`, `trec6` and `stsb_en`, folders of parquet files, one a
split. Every objective trains the same small BERT on WikiText, with a WordPiece trained on
it, for as many CPU seconds of one core as the others, however many steps that is; the rate follows
a cosine over that time. Then frozen embeddings are probed: logistic regression on SST-2 and TREC,
its penalty chosen on a fifth of the training part, and the rank correlation of cosines with STS-B's
test scores. SimCSE and Mirror-BERT go on from the encoder that masked language modelling left, and
from `--model`, a folder of the transformers library, on WikiText's sentences.

Cases that `results/text.json` holds are not measured again.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pyarrow.parquet as pq
import torch
from _measure import write

from tacit.contract import Encoder
from tacit.data import EpochOrder, Source
from tacit.evaluation import LinearProbeConfig
from tacit.evaluation.linear import linear_probe
from tacit.methods import Learner, Method
from tacit_text.data import Files, FilesConfig
from tacit_text.encoders import Bert, BertConfig, Transformers, TransformersConfig, Words
from tacit_text.encoders.words import WordsConfig
from tacit_text.methods import electra, mirror_bert, mlm, rts, simcse, slm
from tacit_text.modality import Text
from tacit_text.probes import embed_texts, similarity
from tacit_text.tokenizers import TokenizerConfig, train_tokenizer
from tacit_text.views import Masked, Mirror, TwoViews

RESULT = Path(__file__).parent / "results" / "text.json"
OBJECTIVES = {"mlm": mlm, "rts": rts, "slm": slm, "electra": electra}
CONTRASTS = {"simcse": (simcse, TwoViews), "mirror-bert": (mirror_bert, Mirror)}
PACK, BATCH, RATE, VOCABULARY = 32, 32, 1e-3, 4096
Rows = dict[str, dict[str, object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=40, help="CPU time of a training")
    parser.add_argument("--contrast-steps", type=int, default=50)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--model", help="a folder of the transformers library")
    parser.add_argument("--work", type=Path, default=Path("runs/text"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    bench = Bench(args)
    for seed in args.seeds:
        bench.one_seed(seed)


class Bench:
    """The measurements, each made once."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.cases: Rows = json.loads(RESULT.read_text())["cases"] if RESULT.is_file() else {}
        self.tokenizer = str(_tokenizer(args.data, args.work / "tokenizer"))

    def measure(self, name: str, make: Callable[[], dict[str, object]]) -> None:
        """A case, unless it is known already."""
        if name not in self.cases:
            self.cases[name] = make()
            print(name, self.cases[name], flush=True)
            about = (
                f"WikiText-2 in rows of {PACK} words, BERT of width 128 and depth 2, "
                f"{self.args.seconds:g} CPU seconds each, a row a seed; accuracies of linear "
                "probes in %, Spearman times 100"
            )
            write("text", {"about": about, "cases": self.cases})

    def one_seed(self, seed: int) -> None:
        """All cases of one seed."""
        if seed == self.args.seeds[0]:
            self.measure("TF-IDF", lambda: _tfidf(self.args.data))
        self.measure(f"random encoder, seed {seed}", lambda: self.scores(self.encoder(seed)))
        self.measure(f"mean of random vectors, seed {seed}", lambda: self.scores(self.words(seed)))
        for name, method in OBJECTIVES.items():
            self.measure(f"{name}, seed {seed}", partial(self.trained, method(), seed))
        if (self.args.work / f"text-mlm-{seed}.pt").is_file():
            for name in CONTRASTS:
                case = f"mlm then {name}, seed {seed}"
                self.measure(case, partial(self.contrast, name, self.after_mlm(seed), seed))
        if self.args.model:
            known = Transformers(TransformersConfig(model=self.args.model, truncate=True))
            self.measure("given model", partial(self.scores, known, probes=False))
            for name in CONTRASTS:
                case = f"given model then {name}, seed {seed}"
                contrast = partial(self.contrast, name, known, seed, steps=25, probes=False)
                self.measure(case, contrast)

    def encoder(self, seed: int) -> Bert:
        """The encoder all objectives train."""
        torch.manual_seed(seed)
        return Bert(BertConfig(tokenizer=self.tokenizer, depth=2, truncate=True))

    def words(self, seed: int) -> Words:
        """Random word vectors, averaged."""
        torch.manual_seed(seed)
        return Words(WordsConfig(kind="cbow", width=128, tokenizer=self.tokenizer, truncate=True))

    def after_mlm(self, seed: int) -> Bert:
        """What masked language modelling left."""
        encoder = self.encoder(seed)
        encoder.load_state_dict(torch.load(self.args.work / f"text-mlm-{seed}.pt"))
        return encoder

    def trained(self, method: Method, seed: int) -> dict[str, object]:
        """An objective from scratch, for the time it has."""
        encoder = self.encoder(seed)
        corpus = _corpus(self.args.data, PACK)
        learner = _learner(method, encoder, Masked(), seed)
        steps, last = _train(learner, corpus, BATCH, RATE, seed, seconds=self.args.seconds)
        torch.save(
            encoder.state_dict(), self.args.work / f"{method.name.replace('/', '-')}-{seed}.pt"
        )
        return {"steps": steps, "last_loss": last, **self.scores(encoder)}

    def contrast(
        self,
        name: str,
        encoder: Encoder,
        seed: int,
        *,
        steps: int | None = None,
        probes: bool = True,
    ) -> dict[str, object]:
        """A contrast on top of an encoder, a copy of it."""
        make, views = CONTRASTS[name]
        learner = _learner(make(), copy.deepcopy(encoder), views(), seed)
        given = steps is not None
        began = time.process_time()
        done, last = _train(
            learner,
            _corpus(self.args.data, 16),
            64,
            2e-5 if given else 3e-4,
            seed,
            steps=steps or self.args.contrast_steps,
        )
        seconds = round(time.process_time() - began, 1)
        found = self.scores(learner.encoder("text"), probes=probes)
        return {"steps": done, "last_loss": last, "train_seconds": seconds, **found}

    def scores(self, encoder: Encoder, *, probes: bool = True) -> dict[str, object]:
        """STS-B's test part, and linear probes of SST-2 and TREC."""
        pairs = pq.read_table(self.args.data / "stsb_en" / "test.parquet").to_pydict()
        first, second = (embed_texts(encoder, pairs[f"sentence{i}"]) for i in (1, 2))
        sts = similarity(first, second, torch.tensor(pairs["score"]))
        found: dict[str, object] = {
            "sts_b": round(100 * sts.spearman, 2),
            "sts_b_clipped": round(100 * sts.clipped, 2),
            "anisotropy": round(sts.anisotropy, 3),
        }
        for name in ("sst2", "trec6") if probes else ():
            found[name] = _probe(encoder, self.args.data / name)
        return found


def _learner(method: Method, encoder: Encoder, views: object, seed: int) -> Learner:
    stage = method.stages[0]
    torch.manual_seed(seed)
    return Learner(
        encoders={"text": encoder},
        objective=stage.objective(stage.config),
        augmentations={"text": views},  # type: ignore[dict-item]
        modalities={"text": Text()},
        seed=seed,
    )


def _train(
    learner: Learner,
    source: Source,
    batch: int,
    rate: float,
    seed: int,
    *,
    seconds: float | None = None,
    steps: int | None = None,
) -> tuple[int, float]:
    """Train for a CPU time or a number of steps; the steps done and the mean of the last losses."""
    optimizer = torch.optim.AdamW(learner.parameters(), lr=rate, weight_decay=0.01)
    learner.train()
    began, losses = time.process_time(), []
    for number, indices in enumerate(
        _endless(EpochOrder(size=len(source), batch=batch, seed=seed))
    ):
        spent = time.process_time() - began
        progress = number / steps if steps else spent / (seconds or 1)
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = (
                rate * min(1, progress / 0.1 + 0.02) * (1 + math.cos(math.pi * progress)) / 2
            )
        loss = learner(source.fetch(indices.tolist())).total()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        learner.after_step()
        losses.append(float(loss.detach()))
    return len(losses), round(sum(losses[-10:]) / len(losses[-10:]), 3)


def _endless(order: EpochOrder) -> Iterator[torch.Tensor]:
    epoch = 0
    while True:
        yield from order.batches(epoch)
        epoch += 1


@cache
def _corpus(data: Path, words: int) -> Source:
    return Files(FilesConfig(path=str(data / "wikitext2_small"), pack=words))


def _tokenizer(data: Path, folder: Path) -> Path:
    if not folder.is_dir():
        source = Files(FilesConfig(path=str(data / "wikitext2_small"), on_error="skip"))
        config = TokenizerConfig(vocabulary=VOCABULARY)
        train_tokenizer(config, source.texts()).save_pretrained(str(folder))
    return folder


def _probe(encoder: Encoder, folder: Path) -> float:
    """Accuracy of a linear probe on the test part, in %."""
    train, test = (Files(FilesConfig(path=str(folder), split=s)) for s in ("train", "test"))
    labels, wanted = train.labels(), test.labels()
    assert labels is not None
    assert wanted is not None
    probe = linear_probe(
        embed_texts(encoder, train.texts()),
        labels,
        classes=int(labels.max()) + 1,
        generator=torch.Generator().manual_seed(0),
        config=LinearProbeConfig(penalties=(0.1, 1e-2, 1e-3)),
    )
    found = probe.predict(embed_texts(encoder, test.texts()))
    found = found.argmax(1) if found.ndim == 2 else found
    return round(100 * float((found == wanted).double().mean()), 2)


def _tfidf(data: Path) -> dict[str, object]:
    """TF-IDF of words and pairs with logistic regression; the cosine of TF-IDF for STS-B."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    from tacit_text.probes import spearman

    found: dict[str, object] = {}
    pairs = pq.read_table(data / "stsb_en" / "test.parquet").to_pydict()
    weigh = TfidfVectorizer().fit(pairs["sentence1"] + pairs["sentence2"])
    first, second = (weigh.transform(pairs[f"sentence{i}"]) for i in (1, 2))
    cosine = torch.tensor(first.multiply(second).sum(1)).flatten()
    found["sts_b"] = round(100 * spearman(cosine, torch.tensor(pairs["score"])), 2)
    for name in ("sst2", "trec6"):
        train, test = (
            pq.read_table(data / name / f"{split}.parquet").to_pydict()
            for split in ("train", "test")
        )
        weigh = TfidfVectorizer(ngram_range=(1, 2))
        model = LogisticRegression(C=10, max_iter=1000)
        model.fit(weigh.fit_transform(train["text"]), train["label"])
        right = model.score(weigh.transform(test["text"]), test["label"])
        found[name] = round(100 * float(right), 2)
    return found


if __name__ == "__main__":
    main()
