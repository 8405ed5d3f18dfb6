"""Texts to classify, one after the other, so that millions of them need no memory.

Files named `*.csv` and `*.tsv` hold a text in one of their columns, `*.jsonl` and `*.ndjson` under
one of their keys, all others one text a line. Everything is UTF-8, and each may be `*.gz`.

Imports neither TensorFlow nor TFX.
"""

import csv
import gzip
import json
import os
import select
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from albert_tfx.contract import TEXT
from albert_tfx.data import columns
from albert_tfx.errors import InputError

# Among the texts of a source: nothing more is there for now.
PAUSE = None
SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
_CHUNK = 1 << 16  # bytes; as much as a pipe holds
_LONGEST_LINE = 1 << 24  # bytes
# How long a producer may take to refill the pipe that we emptied before that is a pause.
_PATIENCE = 0.05  # seconds


def from_file(path: Path, text_column: str | None = None) -> Iterator[str]:
    """Yields the texts of a file.

    Args:
      path: The file.
      text_column: The column or key that holds the texts, or None for the one named `text` or a
        synonym; of no meaning where every line is a text.

    Raises:
      InputError: The file cannot be read, a line is not UTF-8 or malformed, or no column is the
        text's.
    """
    try:
        with _open(path) as file:
            lines = _lines(iter(lambda: file.read(_CHUNK), b""), f"File {path}")
            yield from _texts(path, (line for line in lines if line is not PAUSE), text_column)
    except FileNotFoundError as error:
        raise InputError(f"File {path} does not exist", "Give the path of a file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"File {path} cannot be read: {error}", "Give a readable file") from error


def from_descriptor(descriptor: int, name: str) -> Iterator[str | None]:
    """Yields the lines of a file descriptor, and `PAUSE` whenever no more are there yet.

    Args:
      descriptor: The descriptor, e.g. 0.
      name: What to call it in an error.

    Raises:
      InputError: A line is not UTF-8, or too long to be one.
    """
    try:
        for line in _lines(_chunks(descriptor), name):
            yield line.removesuffix("\r") if line is not PAUSE else PAUSE
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}", "Give a file") from error


def kind_of(path: Path) -> str:
    """Returns the suffix that says how a file holds its texts, in lower case.

    >>> kind_of(Path("reviews.CSV.gz"))
    '.csv'
    """
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()


def _open(path: Path) -> BinaryIO:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _chunks(descriptor: int) -> Iterator[bytes | None]:
    while chunk := os.read(descriptor, _CHUNK):
        yield chunk
        if not select.select([descriptor], [], [], _PATIENCE)[0]:
            yield PAUSE


def _lines(chunks: Iterable[bytes | None], name: str) -> Iterator[str | None]:
    """Yields lines without their line feed; a carriage return before it stays."""
    rest, number = b"", 0
    for chunk in chunks:
        if chunk is PAUSE:
            yield PAUSE
            continue
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            number += 1
            yield _decode(line, number, name)
        if len(rest) > _LONGEST_LINE:
            raise InputError(
                f"{name}, line {number + 1} is longer than {_LONGEST_LINE >> 20} MiB",
                "Give one text a line",
            )
    if rest:
        yield _decode(rest, number + 1, name)


def _decode(line: bytes, number: int, name: str) -> str:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}, line {number} is not UTF-8: it has the byte 0x{line[error.start]:02x}",
            "Convert it first, such as by iconv -f latin1 -t utf-8",
        ) from error


def _texts(path: Path, lines: Iterator[str], text_column: str | None) -> Iterator[str]:
    suffix = kind_of(path)
    if suffix in SEPARATORS:
        return _cells(path, lines, SEPARATORS[suffix], text_column)
    if suffix in JSON_LINES:
        return _values(path, lines, text_column)
    return (line.removesuffix("\r") for line in lines)


def _cells(
    path: Path, lines: Iterator[str], separator: str, text_column: str | None
) -> Iterator[str]:
    csv.field_size_limit(_LONGEST_LINE)
    rows = csv.reader((line + "\n" for line in lines), delimiter=separator, strict=True)
    try:
        header = next(rows, None)
        if header is None:
            raise InputError(f"File {path} is empty", "Give a file with rows")
        index = header.index(columns.choose(path, header, TEXT, text_column))
        for row in rows:
            if row and len(row) != len(header):
                raise InputError(
                    f"File {path}, line {rows.line_num} ends a row of {len(row)} cells, and the "
                    f"header has {len(header)}",
                    'Put quotes (") around cells that hold the separator or a line break',
                )
            if row:
                yield row[index]
    except csv.Error as error:
        raise InputError(
            f"File {path}, line {rows.line_num} is malformed: {error}",
            'Put quotes (") around cells that hold a quote, and double that',
        ) from error


def _values(path: Path, lines: Iterator[str], text_column: str | None) -> Iterator[str]:
    key = None
    for number, line in enumerate(lines, 1):
        if line.strip():
            record = parse_json(path, number, line)
            key = key or columns.choose(path, list(record), TEXT, text_column)
            yield _value(path, number, record, key)


def parse_json(path: Path, number: int, line: str) -> dict[str, Any]:
    """Returns the object that a line of a JSONL file holds.

    Raises:
      InputError: It holds none.
    """
    remedy = 'Give one JSON object a line, such as {"text": "Lovely."}'
    try:
        record = json.loads(line)
    except ValueError as error:
        raise InputError(f"File {path}, line {number} is not JSON: {error}", remedy) from error
    if not isinstance(record, dict):
        raise InputError(f"File {path}, line {number} is not an object: {line[:40]!r}", remedy)
    return record


def _value(path: Path, number: int, record: dict[str, object], key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise InputError(
            f"File {path}, line {number} has no text under {key!r}: {value!r}",
            f"Give every line a string under {key!r}, or name another key with --text-column",
        )
    return well_formed(value)


def well_formed(value: str) -> str:
    """Returns a string of JSON, which may escape half a surrogate pair, as one of UTF-8."""
    return value.encode(errors="replace").decode()
