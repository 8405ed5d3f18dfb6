"""Parquet files, and folders of Arrow files that Hugging Face's `datasets` saves.

Layout of such a folder: `save_to_disk` of
https://github.com/huggingface/datasets/blob/main/src/datasets/arrow_dataset.py; `state.json` names
the files, `dataset_info.json` the features.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_tfx.data.files import columns
from albert_tfx.data.files.columns import Row, Table, Wanted
from albert_tfx.errors import InputError, first_line

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 1024
_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_AGAIN = "Its files may be incomplete: save it again"


def is_saved(path: Path) -> bool:
    """Returns whether `save_to_disk` of a data set without splits wrote a folder."""
    return (path / _STATE).is_file()


def saved_splits(path: Path) -> dict[str, Path]:
    """Returns the folder of each split that `save_to_disk` wrote into a folder; {} for another."""
    if not (path / _SPLITS).is_file():
        return {}
    try:
        names = json.loads((path / _SPLITS).read_text(encoding="utf-8"))["splits"]
        return {name: path / name for name in names}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path / _SPLITS} is damaged ({first_line(error)})", _AGAIN) from error


def read_parquet(path: Path, wanted: Wanted) -> Table:
    """Reads a Parquet file.

    Raises:
      InputError: It is damaged, or has no such columns.
    """
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are of these
        raise _damaged(path, error) from error
    chosen = columns.choose(path, file.schema_arrow.names, wanted)
    names = [name for found in chosen.values() for name in found]
    batches = file.iter_batches(_ROWS_AT_ONCE, columns=names)
    return Table(path, chosen, _rows(path, batches, chosen, {}))


def read_saved(path: Path, wanted: Wanted) -> Table:
    """Reads a folder that `save_to_disk` wrote; the label of a class is its name.

    Raises:
      InputError: It is damaged, or has no such columns.
    """
    try:
        state = json.loads((path / _STATE).read_text(encoding="utf-8"))
        features = json.loads((path / _INFO).read_text(encoding="utf-8"))["features"]
        files = [path / each["filename"] for each in state["_data_files"]]
        classes = {
            name: feature["names"]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    chosen = columns.choose(path, list(features), wanted)
    return Table(path, chosen, _rows(path, _batches(files), chosen, classes))


def _batches(files: Iterable[Path]) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    for file in files:
        with pa.memory_map(str(file)) as source:
            is_file = source.read(6) == b"ARROW1"
            source.seek(0)
            if is_file:
                reader = pa.ipc.open_file(source)
                yield from map(reader.get_batch, range(reader.num_record_batches))
            else:
                yield from pa.ipc.open_stream(source)


def _rows(
    path: Path,
    batches: "Iterable[pa.RecordBatch]",
    chosen: Mapping[str, tuple[str, ...]],
    classes: Mapping[str, list[str]],
) -> Iterator[Row]:
    names = [name for found in chosen.values() for name in found]
    number = 0
    try:
        for batch in batches:
            values = [_named(batch.column(name).to_pylist(), classes.get(name)) for name in names]
            for cells in zip(*values, strict=True):
                number += 1
                texts = {
                    name: columns.as_text(path, number, name, value)
                    for name, value in zip(names, cells, strict=True)
                }
                yield columns.row(number, chosen, texts.__getitem__)
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(path, error) from error


def _named(values: list[Any], classes: list[str] | None) -> list[Any]:
    """Returns the name of each class; a label that is missing is -1 there."""
    if classes is None:
        return values
    return [None if value is None or value < 0 else classes[value] for value in values]


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read ({first_line(error)})", _AGAIN)
