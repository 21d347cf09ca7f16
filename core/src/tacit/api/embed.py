"""Embeddings as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tacit.api.run import Run


def write_parquet(
    run: Run,
    path: Path,
    *,
    data: str | None = None,
    modality: str | None = None,
    batch: int = 256,
    device: str = "auto",
) -> tuple[int, int]:
    """Write the embeddings of a data set: columns index, embedding, and label and group if known.

    Args:
        run: whose encoder embeds.
        path: the file; it appears when it is complete.
        data: a path or the name of a source; the run's own if None.
        modality: which encoder, where the run trained several.
        batch: instances at once.
        device: auto, cpu, cuda or cuda:N.

    Returns:
        Rows and width.

    Raises:
        ValueError: the folder of the file cannot be made.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        path.parent.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    except OSError as error:
        raise ValueError(f"cannot write to {path.parent}: {error.strerror}") from error
    found = run.embed(data, modality=modality, batch=batch, device=device)
    values = found.values.cpu()
    rows, width = values.shape
    columns = {
        "index": pa.array(found.index.numpy()),
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(values.flatten().numpy()), width),
    }
    for name, column in (("label", found.label), ("group", found.group)):
        if column is not None:
            columns[name] = pa.array(column.numpy())
    draft = path.with_name(f".{path.name}.draft")
    parquet.write_table(pa.table(columns), draft)
    draft.replace(path)
    return rows, width
