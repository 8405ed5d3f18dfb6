"""The user's own CSV, TSV or JSONL file as a TFDS data set."""

import collections
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import tensorflow_datasets as tfds

from albert_tfx import contract
from albert_tfx.data import text_files
from albert_tfx.errors import InputError
from albert_tfx.options import DatasetOptions

_SPLITS = (contract.TRAIN, contract.EVAL, contract.TEST)
_MAX_CLASSES = 100
# Of so many rows of a class, a split of a tenth lacks them all once in 200 times: 0.9 ** 50.
_ROWS_PER_CLASS = 50
# To be raised when the same file would give another data set.
_VERSION = "1.0.0"


class _Labelled(NamedTuple):
    """A text with its label, and the number of its row."""

    number: int
    text: str
    label: str

    @property
    def split(self) -> str:
        """The split that follows from the hash of the text."""
        digest = hashlib.sha256(self.text.encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        return contract.TRAIN if share < 0.8 else contract.EVAL if share < 0.9 else contract.TEST


class _LabelledFile:
    """A file that is read anew whenever it is iterated over, so that it may exceed the memory."""

    def __init__(self, path: Path, columns: Mapping[str, str | None]) -> None:
        self.path = path
        self._columns = columns

    def __iter__(self) -> Iterator[_Labelled]:
        """Yields what can be used, and then refuses the file if some rows cannot."""
        empty: dict[str, list[int]] = {}
        for number, cells in text_files.rows(self.path, self._columns):
            text, label = (value or "" for value in cells.values())
            lacking = [column for column, value in cells.items() if not (value or "").strip()]
            for column in lacking:
                empty.setdefault(column, []).append(number)
            if not lacking:
                yield _Labelled(number, text, " ".join(label.split()))
        for column, numbers in empty.items():
            raise text_files.empty_cells(self.path, column, numbers)

    @property
    def label_column(self) -> str:
        """The name of the column of the labels."""
        return list(next(text_files.rows(self.path, self._columns)).cells)[1]

    def examples(self, split: str) -> Iterator[tuple[int, dict[str, str]]]:
        """Yields the examples of a split, each with its key."""
        for row in self:
            if row.split == split:
                yield row.number, {contract.TEXT: row.text, contract.LABEL: row.label}


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
      path: A file with named columns: see `text_files`.
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
    if path.is_fifo():
        raise InputError(f"{path} is a pipe, which can be read only once", "Give a file")
    key = json.dumps([path.name, text_column, label_column]).encode()
    name = text_files.plain_name(path.name.split(".")[0]) or "file"
    config = f"{name}-{text_files.content_hash(path, key)[:16]}"
    root = tfds.core.Path(data_dir or tfds.core.constants.DATA_DIR).expanduser()
    folder = root / "text_file" / config / _VERSION
    if not (folder / "dataset_info.json").exists():
        columns = {contract.TEXT: text_column, contract.LABEL: label_column}
        _store(_LabelledFile(path, columns), root, config)
    return DatasetOptions(
        name=str(folder),
        data_dir=str(root),
        train_split=contract.TRAIN,
        eval_split=contract.EVAL,
        test_split=contract.TEST,
    )


def _store(file: _LabelledFile, root: tfds.core.Path, config: str) -> None:
    """Writes the data set, under a temporary name until it is complete."""
    counts = collections.Counter((row.label, row.split) for row in file)
    labels = _in_order({label for label, _ in counts})
    _refuse_bad_classes(file, labels)
    _refuse_poor_splits(file, labels, counts)
    tfds.dataset_builders.store_as_tfds_dataset(
        name="text_file",
        config=config,
        version=_VERSION,
        features=tfds.features.FeaturesDict(
            {
                contract.TEXT: tfds.features.Text(),
                contract.LABEL: tfds.features.ClassLabel(names=labels),
            }
        ),
        split_datasets={split: file.examples(split) for split in _SPLITS},
        data_dir=root,
        description="A text file of the user's own.",
    )


def _in_order(labels: Iterable[str]) -> list[str]:
    """Returns labels in order, whole numbers by their value."""
    names = sorted(labels)
    whole = all(re.fullmatch(r"-?\d{1,300}", name) for name in names)
    return sorted(names, key=int) if whole else names


def _refuse_bad_classes(file: _LabelledFile, labels: list[str]) -> None:
    if not labels:
        raise InputError(f"File {file.path} has no rows", "Give a file with a text and label a row")
    if len(labels) == 1:
        raise InputError(
            f"File {file.path}, column {file.label_column!r} has one label only, {labels[0]!r}",
            "Give rows of two labels or more, or name another column with --label-column",
        )
    if len(labels) > _MAX_CLASSES:
        raise InputError(
            f"File {file.path}, column {file.label_column!r} has {len(labels):,} different labels, "
            f"more than {_MAX_CLASSES}",
            "Name the column of the classes with --label-column",
        )


def _refuse_poor_splits(
    file: _LabelledFile, labels: list[str], counts: collections.Counter[tuple[str, str]]
) -> None:
    needed = f"Give {_ROWS_PER_CLASS} rows or more of each label"
    for split in _SPLITS:
        lacking = [label for label in labels if not counts[label, split]]
        if len(lacking) == len(labels):
            texts = len({row.text for row in file})
            raise InputError(
                f"File {file.path} is too small: of its {counts.total()} rows with {texts} "
                f"different texts none falls to the {split} split",
                f"{needed}, {_ROWS_PER_CLASS * len(labels)} in all",
            )
        if lacking:
            rows = sum(counts[lacking[0], each] for each in _SPLITS)
            raise InputError(
                f"File {file.path} has too few rows of label {lacking[0]!r}: of {rows} none falls "
                f"to the {split} split",
                needed if len(labels) == 2 else f"{needed}, or delete its rows",
            )
