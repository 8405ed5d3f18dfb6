"""Texts of no known class, on their way to TFX's BulkInferrer and back.

ImportExampleGen reads what `from_file` or `from_split` wrote. What BulkInferrer makes of it becomes
CSV by `publish`, in the order of the texts, which Beam does not keep.
"""

import array
import dataclasses
import hashlib
import itertools
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from etils import epath

from albert_tfx import storage
from albert_tfx.contract import LABEL, LABELS, PROBABILITIES, SCORE, TEXT
from albert_tfx.data import tfds_source
from albert_tfx.data.files import content, reader
from albert_tfx.data.files.columns import ID, Row, Table
from albert_tfx.errors import InputError
from albert_tfx.options import FileOptions, TextsToScore
from albert_tfx.prediction.predictions import Csv, Prediction, refuse_taken, written

ROW = "row"
_IDENTITY = "id"
_FILE = "texts.tfrecord.gz"
_SOURCES = ".sources.json"
_LINES_AT_ONCE = 1000
_Answer = tuple[str, float, Sequence[float]]  # label, score, probabilities


def from_file(
    path: Path, root: Path, options: FileOptions, id_column: str | None = None
) -> TextsToScore:
    """Puts the texts of a user's own file below `root`, unless they are there.

    Args:
      path: The file.
      root: Folder that receives a folder for them.
      options: How to read it: its columns of texts, its encoding, whether empty ones are left out.
      id_column: The column that goes into the answers, or None.

    Raises:
      InputError: The file has no text or cannot be read; see `reader.open_texts`.
    """
    refuse_taken(id_column)
    if path.is_fifo():
        raise InputError(f"{path} is a pipe, which can be read only once", "Give a file")
    table = reader.open_texts(path, options.text_column, id_column, options.encoding)
    asked = (options.text_column, id_column, options.encoding, options.skip_empty)
    identity = content.content_hash([path], f"{reader.kind_of(path)} {asked} ".encode())
    texts = ((row.cells[TEXT], row.cells.get(ID)) for row in _rows(table, options))
    prepared = _prepared(root, _name_of_file(path), identity, texts)
    return dataclasses.replace(
        prepared,
        source=str(path.resolve()),
        id_column=id_column,
        remarks=tuple(table.remarks),
    )


def _rows(table: Table, options: FileOptions) -> Iterator[Row]:
    return reader.rows_with_text(table, options.skip_empty)


def from_split(dataset: tfds_source.ResolvedDataset, split: str, root: Path) -> TextsToScore:
    """Puts the texts of a TFDS split string below `root`, unless they are there.

    Raises:
      InputError: The data set has no such split, or that has no text.
    """
    texts = tfds_source.texts(dataset, split)
    identity = f"{dataset.fingerprint} {dataset.text_feature} {split}"
    prepared = _prepared(root, _name_of_split(split), identity, ((text, None) for text in texts))
    return dataclasses.replace(prepared, source=f"{split} of {dataset.builder.info.full_name}")


def target(folder: Path, texts: TextsToScore) -> Path:
    """Returns the file for the answers to texts: always the same for them, and no others'.

    Two files of one name in two folders, or of one stem, have one each; so has a file that
    somebody else put there.

    Args:
      folder: Of all such files. Whose each is, is recorded there.
      texts: What is scored.
    """
    record = folder / _SOURCES
    known: dict[str, str] = storage.read_json(record) if record.exists() else {}
    name = texts.name
    is_free = name not in known and not (folder / f"{name}.csv").exists()
    if not is_free and known.get(name) != texts.source:
        name = f"{name}-{hashlib.sha256(texts.source.encode()).hexdigest()[:8]}"
    storage.write_json(record, {**known, name: texts.source})
    return folder / f"{name}.csv"


def publish(texts: TextsToScore, scored: str, target: Path) -> int:
    """Writes `text`, `label`, `probability` and `score` of each text as CSV.

    Args:
      texts: What was scored.
      scored: Folder of the examples that BulkInferrer gave.
      target: The file; not touched where nothing was scored, as no model was blessed.

    Returns:
      The number of texts scored.
    """
    files = list(_files(scored))
    if not files:
        return 0
    class_names, answers = _by_row(files)
    predictions = _predictions(texts, class_names, answers)
    parts = iter(lambda: list(itertools.islice(predictions, _LINES_AT_ONCE)), [])
    target.parent.mkdir(parents=True, exist_ok=True)
    with storage.whole_file(target) as partial, partial.open("w") as file:
        file.writelines(written(parts, Csv(True, texts.id_column)))
    return len(answers)


def _files(scored: str) -> Iterator[str]:
    for split in epath.Path(scored).iterdir():
        if split.name.startswith("Split-"):
            yield from map(str, split.iterdir())


def _name_of_file(path: Path) -> str:
    """Returns the file's name without the endings that say how it is written."""
    name = path.name.removesuffix(".gz")
    return name[: len(name) - len(reader.kind_of(path))]


def _name_of_split(split: str) -> str:
    """Returns a name for a file that no other split has, even if that has the same letters."""
    if re.fullmatch(r"\w+", split, re.ASCII):
        return split
    return f"{_plain(split)}-{hashlib.sha256(split.encode()).hexdigest()[:8]}"


def _plain(name: str) -> str:
    return reader.plain_name(name).strip("_") or "texts"


def _prepared(
    root: Path, name: str, identity: str, texts: Iterable[tuple[str | bytes | None, str | None]]
) -> TextsToScore:
    """Writes texts, each with its id, into a folder named by `identity`, there once it is whole."""
    folder = root / f"{_plain(name)}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}")
        storage.remove(partial)  # of a killed process that had this one's number
        partial.mkdir(parents=True)
        try:
            _write(partial / _FILE, texts)
            partial.rename(folder)
        finally:
            storage.remove(partial)
    return TextsToScore(str(folder), name)


def _write(path: Path, texts: Iterable[tuple[str | bytes | None, str | None]]) -> None:
    count = 0
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for count, (text, identity) in enumerate(texts, 1):
            writer.write(_example(count - 1, text or "", identity))
    if not count:
        raise InputError("There is no text to score", "Give some, or leave --score out")


def _example(row: int, text: str | bytes, identity: str | None) -> bytes:
    example = tf.train.Example()
    content = text.encode() if isinstance(text, str) else text
    example.features.feature[TEXT].bytes_list.value.append(content)
    example.features.feature[ROW].int64_list.value.append(row)
    if identity is not None:
        example.features.feature[_IDENTITY].bytes_list.value.append(identity.encode())
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def _examples(files: list[str]) -> Iterator[Any]:
    records = tf.data.TFRecordDataset(files, "GZIP").prefetch(tf.data.AUTOTUNE)
    for record in records.as_numpy_iterator():
        yield tf.train.Example.FromString(record).features.feature


def _by_row(files: list[str]) -> tuple[list[str], dict[int, _Answer]]:
    """Returns the classes, and the answer to each row: small, unlike the texts."""
    class_names: list[str] = []
    answers: dict[int, _Answer] = {}
    for features in _examples(files):
        class_names = class_names or [n.decode() for n in features[LABELS].bytes_list.value]
        values = array.array("f", features[PROBABILITIES].float_list.value)
        (label,), (score,) = features[LABEL].bytes_list.value, features[SCORE].float_list.value
        answers[features[ROW].int64_list.value[0]] = sys.intern(label.decode()), score, values
    return class_names, answers


def _predictions(
    texts: TextsToScore, class_names: list[str], answers: dict[int, _Answer]
) -> Iterator[Prediction]:
    for features in _examples([os.path.join(texts.folder, _FILE)]):
        (row,), (text,) = features[ROW].int64_list.value, features[TEXT].bytes_list.value
        label, score, probabilities = answers[row]
        values = dict(zip(class_names, probabilities, strict=True))
        identity = b"".join(features[_IDENTITY].bytes_list.value).decode() or None
        yield Prediction(text.decode(errors="replace"), values, identity, label, score)
