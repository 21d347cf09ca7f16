"""Encoders as files that transformers and sentence-transformers load: the same embeddings."""

from __future__ import annotations

from pathlib import Path

from tacit_text.encoders.transformers import HuggingFace


def export_transformers(encoder: HuggingFace, directory: Path) -> None:
    """Write weights, configuration and tokenizer as `AutoModel` and `AutoTokenizer` load them.

    Args:
        encoder: any of this package's transformers.
        directory: made if absent.
    """
    encoder.network.save_pretrained(str(directory))
    fast = encoder.tokenizer.fast
    fast.model_max_length = encoder.tokenizer.longest
    fast.save_pretrained(str(directory))


def export_sentence_transformers(encoder: HuggingFace, directory: Path) -> None:
    """Write a model directory that `SentenceTransformer` loads, with the encoder's pooling.

    Embeddings are not normalised, as the encoder's are not; their similarity is the cosine.

    Args:
        encoder: any of this package's transformers, pooled by `cls` or `mean`.
        directory: made if absent.

    Raises:
        ValueError: a pooling it has no module for, or the library is not there.
    """
    if encoder.pool == "first-last":
        raise ValueError(
            "sentence-transformers has no first-last pooling: export as transformers, or set the "
            "encoder's pool to mean"
        )
    try:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.base.modules import Transformer
        from sentence_transformers.sentence_transformer.modules import Pooling
    except ImportError as error:
        raise ValueError(
            "sentence-transformers is not installed: pip install "
            "'tacit-text[sentence-transformers]', or export as transformers"
        ) from error
    export_transformers(encoder, directory)
    network = Transformer(str(directory))
    pooling = Pooling(encoder.spec.width, pooling_mode=encoder.pool)
    SentenceTransformer(modules=[network, pooling], similarity_fn_name="cosine").save(
        str(directory), create_model_card=False
    )
