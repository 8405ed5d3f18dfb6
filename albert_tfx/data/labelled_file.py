"""The user's own CSV, TSV or JSONL file as a TFDS data set."""

import gzip
import hashlib
import io
import json
import math
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow_datasets as tfds

from albert_tfx import contract
from albert_tfx.data import columns
from albert_tfx.data.text_files import JSON_LINES, SEPARATORS, kind_of, parse_json, well_formed
from albert_tfx.errors import InputError
from albert_tfx.options import DatasetOptions

_SPLIT = "split"
_SPLITS = (contract.TRAIN, contract.EVAL, contract.TEST)
_MAX_CLASSES = 100
# Of so many rows of a class, a split of a tenth lacks them all once in 200 times: 0.9 ** 50.
_ROWS_PER_CLASS = 50
# To be raised when the same file would give another data set.
_VERSION = "1.0.0"


def prepare_text_file(
    path: str | Path,
    text_column: str | None = None,
    label_column: str | None = None,
    data_dir: str | Path | None = None,
) -> DatasetOptions:
    """Stores a file as a TFDS data set with the splits `train`, `eval` and `test`.

    A row's split follows from the hash of its text alone: 80 % train, 10 % eval, 10 % test. Equal
    texts never part, and a file that grows moves no row from one split to another. The data set
    lies in `data_dir/text_file/<file name>-<hash of its content>`, and is reused until the content
    or the columns change.

    Args:
      path: A file in UTF-8 named `*.csv`, `*.tsv`, `*.jsonl` or `*.ndjson`, or one of these with
        `.gz`. The first row of CSV and TSV names the columns.
      text_column: The column of the texts, or None for the one named `text` or a synonym.
      label_column: The column of the labels, or None likewise. Its different values, sorted, are
        the classes.
      data_dir: TFDS's data directory, or None for TFDS's own default.

    Returns:
      Options that read the stored data set.

    Raises:
      InputError: The file cannot be read or cannot be used: a column is missing, a cell is empty,
        a split lacks a class, or there are too few or too many classes.
    """
    path = Path(path).expanduser()
    content = _read(path)
    key = json.dumps([path.name, text_column, label_column]).encode() + content
    config = f"{_plain_name(path)}-{hashlib.sha256(key).hexdigest()[:16]}"
    root = tfds.core.Path(data_dir or tfds.core.constants.DATA_DIR).expanduser()
    folder = root / "text_file" / config / _VERSION
    if not (folder / "dataset_info.json").exists():
        _store(_labelled_rows(path, content, text_column, label_column), root, config)
    return DatasetOptions(
        name=str(folder),
        data_dir=str(root),
        train_split=contract.TRAIN,
        eval_split=contract.EVAL,
        test_split=contract.TEST,
    )


def _labelled_rows(
    path: Path, content: bytes, text_column: str | None, label_column: str | None
) -> pd.DataFrame:
    """Returns the columns `text`, `label` and `split`, checked; the index is the row number."""
    table = _parse(path, content)
    chosen = {
        kind: columns.choose(path, list(map(str, table.columns)), kind, given)
        for kind, given in ((contract.TEXT, text_column), (contract.LABEL, label_column))
    }
    if chosen[contract.TEXT] == chosen[contract.LABEL]:
        raise InputError(
            f"File {path}, column {chosen[contract.TEXT]!r} cannot be both text and label",
            "Name two columns with --text-column and --label-column",
        )
    for column in chosen.values():
        _refuse_bad_cells(path, table[column], column)
    rows = pd.DataFrame({name: table[column].map(_cell) for name, column in chosen.items()})
    rows[contract.LABEL] = rows[contract.LABEL].map(lambda label: " ".join(label.split()))
    rows[_SPLIT] = rows[contract.TEXT].map(_split)
    _refuse_bad_classes(path, rows, chosen[contract.LABEL])
    _refuse_poor_splits(path, rows)
    return rows


def _read(path: Path) -> bytes:
    """Returns the file's content, uncompressed."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except FileNotFoundError as error:
        raise InputError(f"File {path} does not exist", "Give the path of a file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"File {path} cannot be read: {error}", "Give a readable file") from error


def _plain_name(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", path.name.split(".")[0]) or "file"


def _parse(path: Path, content: bytes) -> pd.DataFrame:
    """Returns the file's table; the index is the row number, by which errors name a row."""
    text = _decode(path, content)
    suffix = kind_of(path)
    if suffix in SEPARATORS:
        table = _parse_separated(path, text, SEPARATORS[suffix])
    elif suffix in JSON_LINES:
        table = _parse_json_lines(path, text)
    else:
        known = ", ".join((*SEPARATORS, *JSON_LINES))
        raise InputError(
            f"File {path} is of an unknown kind {suffix!r}",
            f"Give a file that ends in one of {known}, or in one of these and .gz",
        )
    if table.empty:
        raise InputError(f"File {path} has no rows", "Give a file with a text and label a row")
    return table


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"File {path} is not UTF-8: line {line} has the byte 0x{content[error.start]:02x}",
            "Save it as UTF-8",
        ) from error


def _parse_separated(path: Path, text: str, separator: str) -> pd.DataFrame:
    """Parses CSV or TSV, every cell a string; the header is row 1."""
    remedy = 'Put quotes (") around cells that hold the separator, a quote or a line break'
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            dtype=str,
            keep_default_na=False,  # "NA" and "null" are texts
            skip_blank_lines=False,  # they count, so that row numbers hold
        )
    except pd.errors.EmptyDataError as error:
        raise InputError(f"File {path} is empty", "Give a file with rows") from error
    except pd.errors.ParserError as error:
        raise InputError(f"File {path} is malformed: {str(error).strip()}", remedy) from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the cells too many for row names
        raise InputError(f"File {path} has more cells in row 2 than in the header", remedy)
    table.index += 2
    return table[(table != "").any(axis="columns")]


def _parse_json_lines(path: Path, text: str) -> pd.DataFrame:
    """Parses one JSON object a line; the first line is row 1."""
    records = {
        number: parse_json(path, number, line)
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    }
    return pd.DataFrame(list(records.values()), index=list(records), dtype=object)


def _cell(value: Any) -> str:
    """Returns a cell as text; JSON's numbers and booleans as JSON writes them."""
    if isinstance(value, str):
        return well_formed(value)
    return "" if _is_missing(value) else json.dumps(value)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _refuse_bad_cells(path: Path, cells: pd.Series, column: str) -> None:
    nested = cells.index[cells.map(lambda value: isinstance(value, dict | list))]
    if len(nested):
        raise InputError(
            f"File {path}, column {column!r} holds lists or objects: {_numbers(nested)}",
            "Give one text, number or boolean in each",
        )
    empty = cells.index[cells.map(lambda value: not _cell(value).strip())]
    if len(empty):
        raise InputError(
            f"File {path}, column {column!r} is empty or missing: {_numbers(empty)}",
            "Fill these cells, or delete the rows",
        )


def _numbers(rows: Iterable[int]) -> str:
    """Describes row numbers by their count and the first five."""
    numbers = list(rows)
    first = ", ".join(map(str, numbers[:5]))
    more = ", …" if len(numbers) > 5 else ""
    return f"{len(numbers)} row{'s' if len(numbers) > 1 else ''} ({first}{more})"


def _refuse_bad_classes(path: Path, rows: pd.DataFrame, column: str) -> None:
    names = rows[contract.LABEL].unique()
    if len(names) < 2:
        raise InputError(
            f"File {path}, column {column!r} has one label only, {names[0]!r}",
            "Give rows of two labels or more, or name another column with --label-column",
        )
    if len(names) > _MAX_CLASSES:
        raise InputError(
            f"File {path}, column {column!r} has {len(names):,} different labels, more than "
            f"{_MAX_CLASSES}",
            "Name the column of the classes with --label-column",
        )


def _refuse_poor_splits(path: Path, rows: pd.DataFrame) -> None:
    counts = pd.crosstab(rows[contract.LABEL], rows[_SPLIT]).reindex(
        columns=list(_SPLITS), fill_value=0
    )
    needed = f"Give {_ROWS_PER_CLASS} rows or more of each label"
    for split in _SPLITS:
        lacking = counts.index[counts[split] == 0]
        if len(lacking) == len(counts):
            raise InputError(
                f"File {path} is too small: of its {len(rows)} rows with "
                f"{rows[contract.TEXT].nunique()} different texts none falls to the {split} split",
                f"{needed}, {_ROWS_PER_CLASS * len(counts)} in all",
            )
        if len(lacking):
            raise InputError(
                f"File {path} has too few rows of label {lacking[0]!r}: of "
                f"{counts.loc[lacking[0]].sum()} none falls to the {split} split",
                needed if len(counts) == 2 else f"{needed}, or delete its rows",
            )


def _split(text: str) -> str:
    share = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    return contract.TRAIN if share < 0.8 else contract.EVAL if share < 0.9 else contract.TEST


def _class_names(labels: pd.Series) -> list[str]:
    """Returns the different labels in order, whole numbers by their value."""
    names = sorted(labels.unique())
    whole = all(re.fullmatch(r"-?\d+", name) for name in names)
    return sorted(names, key=int) if whole else names


def _store(rows: pd.DataFrame, root: tfds.core.Path, config: str) -> None:
    """Writes the data set, under a temporary name until it is complete."""
    tfds.dataset_builders.store_as_tfds_dataset(
        name="text_file",
        config=config,
        version=_VERSION,
        features=tfds.features.FeaturesDict(
            {
                contract.TEXT: tfds.features.Text(),
                contract.LABEL: tfds.features.ClassLabel(names=_class_names(rows[contract.LABEL])),
            }
        ),
        split_datasets={split: _examples(rows[rows[_SPLIT] == split]) for split in _SPLITS},
        data_dir=root,
        description="A text file of the user's own.",
    )


def _examples(rows: pd.DataFrame) -> list[tuple[int, dict[str, str]]]:
    return [
        (int(number), {contract.TEXT: text, contract.LABEL: label})
        for number, text, label in rows[[contract.TEXT, contract.LABEL]].itertuples()
    ]
