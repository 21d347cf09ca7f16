"""What tacit-text offers: text, its tokenizers, encoders, views, methods and sources."""

from __future__ import annotations

from tacit.plugin import Offer, hookimpl

_TEXT = frozenset({"text"})
_SUBWORDS = ("tokens", "tokens:dense", "targets:codes", "taps", "decoder", "mask:replace")


@hookimpl
def tacit_modalities() -> list[Offer]:
    """Text."""
    return [
        Offer(
            name="text/text",
            target="tacit_text.modality:Text",
            summary="Strings: sentences, paragraphs, documents",
            modality=_TEXT,
        )
    ]


@hookimpl
def tacit_encoders() -> list[Offer]:
    """Networks that embed text."""
    return [
        Offer(
            name="text/bert",
            target="tacit_text.encoders:Bert",
            summary="BERT from scratch, of a size that trains on two cores",
            modality=_TEXT,
            provides=_SUBWORDS,
            source="Devlin et al. 2019, arXiv:1810.04805",
        ),
        Offer(
            name="text/transformers",
            target="tacit_text.encoders:Transformers",
            summary="Any encoder of the transformers library, by name, folder or configuration",
            modality=_TEXT,
            provides=_SUBWORDS,
            source="https://github.com/huggingface/transformers",
        ),
        Offer(
            name="text/words",
            target="tacit_text.encoders:Words",
            summary="Word vectors added up, word matrices multiplied, or both (CBOW, CMOW)",
            modality=_TEXT,
            provides=("tokens", "tokens:dense"),
            source="Mai et al. 2019, arXiv:1902.06423",
        ),
    ]


@hookimpl
def tacit_augmentations() -> list[Offer]:
    """Ways to make views of text."""
    return [
        Offer(
            name="text/two-views",
            target="tacit_text.views:TwoViews",
            summary="Each text twice, told apart by dropout, and by edits if asked for",
            modality=_TEXT,
            provides=("views:two-views",),
            source="Gao et al. 2021, arXiv:2104.08821",
        ),
        Offer(
            name="text/mirror",
            target="tacit_text.views:Mirror",
            summary="Each text, and the same with a run of characters masked",
            modality=_TEXT,
            provides=("views:mirror",),
            source="Liu et al. 2021, arXiv:2104.08027",
        ),
        Offer(
            name="text/noisy",
            target="tacit_text.views:Noisy",
            summary="A text with words deleted, and the text itself",
            modality=_TEXT,
            provides=("views:noisy",),
            source="Wang et al. 2021, arXiv:2104.06979",
        ),
        Offer(
            name="text/masked",
            target="tacit_text.views:Masked",
            summary="The text as it is, whose tokens are to be masked or replaced",
            modality=_TEXT,
            provides=("views:masked",),
        ),
    ]


@hookimpl
def tacit_readers() -> list[Offer]:
    """Columns of tables that can be paired with others."""
    return [
        Offer(
            name="text/column",
            target="tacit_text.data.column:TextColumn",
            summary="A column of strings",
            modality=_TEXT,
        )
    ]


@hookimpl
def tacit_methods() -> list[Offer]:
    """Methods whose objectives know of vocabularies, or whose defaults are text's."""
    names = {
        "simcse": ("Dropout makes the views of a contrast of texts", "two-views"),
        "mirror-bert": ("Masked characters and dropout make the views of a contrast", "mirror"),
        "mlm": ("Masked tokens are predicted by a head over the vocabulary", "masked"),
        "mlm-spans": ("Runs of whole words are masked and predicted", "masked"),
        "rts": ("Tokens replaced at random are told from the others", "masked"),
        "c-rts": ("Tokens replaced from confusable clusters are told from the others", "masked"),
        "slm": ("Tokens replaced at random are predicted as they were", "masked"),
        "electra": ("Tokens a small generator filled in are told from the others", "masked"),
        "mcl": ("Replaced, swapped and inserted tokens are found, errors gone through", "masked"),
        "tsdae": ("A text is written again from the vector of a damaged copy", "noisy"),
        "e2s2": ("A text is restored, and its encoder tells noise and like copies", "masked"),
    }
    sources = {
        "simcse": "Gao et al. 2021, arXiv:2104.08821",
        "mirror-bert": "Liu et al. 2021, arXiv:2104.08027",
        "mlm": "Devlin et al. 2019, arXiv:1810.04805",
        "mlm-spans": "Joshi et al. 2020, arXiv:1907.10529",
        "electra": "Clark et al. 2020, arXiv:2003.10555",
        "mcl": "Chen et al. 2023, arXiv:2305.03981",
        "tsdae": "Wang et al. 2021, arXiv:2104.06979",
        "e2s2": "Zhong et al. 2022, arXiv:2205.14912",
    }
    needed = {
        "masked": ("tokens:dense", "targets:codes", "decoder", "mask:replace"),
        "noisy": ("tokens:dense", "targets:codes"),
    }
    return [
        Offer(
            name=f"text/{name}",
            target=f"tacit_text.methods:{name.replace('-', '_')}",
            summary=summary,
            modality=_TEXT,
            requires=(f"views:{views}", *needed.get(views, ())),
            source=sources.get(name, "Di Liello et al. 2022, arXiv:2210.13536"),
        )
        for name, (summary, views) in names.items()
    ]


@hookimpl
def tacit_sources() -> list[Offer]:
    """Where text comes from."""
    return [
        Offer(
            name="text/files",
            target="tacit_text.data:Files",
            summary="Text files a text a line, or a column of jsonl, csv or parquet files",
            modality=_TEXT,
        ),
        Offer(
            name="text/hub",
            target="tacit_text.data:Hub",
            summary="A text data set of the Hugging Face hub, by name",
            modality=_TEXT,
        ),
        Offer(
            name="text/docstrings",
            target="tacit_text.data:Docstrings",
            summary="Documentation of six packages of the standard library; needs no network",
            modality=_TEXT,
            source="the Python that runs",
        ),
    ]


@hookimpl
def tacit_commands() -> list[Offer]:
    """What else there is to do with text."""
    return [
        Offer(
            name="text/tokenizer",
            target="tacit_text.command:tokenizer",
            summary="Train a tokenizer on a corpus",
        ),
        Offer(
            name="text/vocabulary",
            target="tacit_text.vocabulary_command:vocabulary",
            summary="Give a model the frequent words of a corpus that it cuts into pieces",
            source="Pavlova and Makhlouf 2023, arXiv:2308.08625",
        ),
    ]
