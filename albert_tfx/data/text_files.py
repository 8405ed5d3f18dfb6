"""The one reader of users' files: for training, scoring and predicting, strict and row by row.

`*.csv` and `*.tsv` hold rows of named columns, `*.jsonl` and `*.ndjson` one object a line, `*.txt`
and a file without an ending one text a line. All are UTF-8; each may be `*.gz`. Millions of rows
need no more memory than thousands. Imports neither TensorFlow nor TFX.
"""

import csv
import gzip
import hashlib
import io
import itertools
import json
import os
import re
import select
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from albert_tfx.contract import LABEL, TEXT
from albert_tfx.errors import InputError, did_you_mean

# Sentinel in a stream of texts: no more input is available yet.
PAUSE = None
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_WITH_COLUMNS = (*_SEPARATORS, ".jsonl", ".ndjson")
_PLAIN_LINES = (".txt", "")
_SYNONYMS = {TEXT: ("review", "sentence", "content"), LABEL: ("sentiment", "class", "target")}
_CHUNK = 1 << 16  # bytes; as much as a pipe holds
_LONGEST_LINE = 1 << 24  # bytes
# How long a producer may take to refill the pipe that we emptied before that is a pause.
_PATIENCE = 0.05  # seconds
# So many objects of a JSONL file together name its columns: the first may lack one.
_NAMING_OBJECTS = 100


class Row(NamedTuple):
    """One row of a file.

    Attributes:
      number: Its number from 1 on; the header and empty rows count.
      cells: Its values by column, in the order in which the columns were asked for. A value is
        None where the row has no such cell, or JSON's null in it.
    """

    number: int
    cells: dict[str, str | None]


def rows(path: Path, columns: Mapping[str, str | None]) -> Iterator[Row]:
    """Yields the rows of a file with named columns; rows without any content are left out.

    Args:
      path: The file.
      columns: For each kind of column that is wanted, `text` or `label`, the column's name, or
        None for the one named as the kind or a synonym.

    Raises:
      InputError: The file cannot be read, is of another kind, has no such columns, or is malformed
        from some line on.
    """
    suffix = _known_kind(path, _WITH_COLUMNS)
    lines = _file_lines(path, bytes.splitlines)
    if suffix in _SEPARATORS:
        return _separated_rows(path, lines, _SEPARATORS[suffix], columns)
    return _json_rows(path, lines, columns)


def from_file(path: Path, text_column: str | None = None) -> Iterator[str]:
    """Yields the texts of a file.

    Args:
      path: The file.
      text_column: The column that holds the texts, or None for the one named `text` or a synonym.

    Raises:
      InputError: See `rows`; or a row has no text, or a column is given and the file has none.
    """
    if has_columns(path):
        yield from (_text(path, row) for row in rows(path, {TEXT: text_column}))
    elif text_column is not None:
        raise InputError(
            f"File {path} holds one text a line, and no column {text_column!r}",
            f"Leave --text-column out, or give {_one_of(_WITH_COLUMNS)}",
        )
    else:
        yield from map(_without_end, _file_lines(path, _split_at_line_feeds))


def from_descriptor(descriptor: int, name: str) -> Iterator[str | None]:
    """Yields the lines of a file descriptor, and `PAUSE` whenever no more are there yet.

    Args:
      descriptor: The descriptor, e.g. 0.
      name: What to call it in an error.

    Raises:
      InputError: A line is not UTF-8, or too long to be one.
    """
    try:
        for line in _lines(_chunks(descriptor), name, _split_at_line_feeds):
            yield line if line is PAUSE else _without_end(line)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}", "Give a file") from error


def kind_of(path: Path) -> str:
    """Returns the ending that says how a file holds its texts, in lower case; a number is none.

    >>> kind_of(Path("reviews.CSV.gz")), kind_of(Path("reviews.2025"))
    ('.csv', '')
    """
    suffix = (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
    return "" if suffix[1:].isdecimal() else suffix


def has_columns(path: Path) -> bool:
    """Returns whether a file has named columns: else, each of its lines is a text.

    Raises:
      InputError: The file is of an unknown kind.
    """
    return _known_kind(path, (*_WITH_COLUMNS, *_PLAIN_LINES)) in _WITH_COLUMNS


def plain_name(name: str) -> str:
    """Returns a name with `_` for whatever is no letter or digit of ASCII.

    >>> plain_name("new reviews (2)")
    'new_reviews_2_'
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", name)


def content_hash(path: Path, prefix: bytes) -> str:
    """Returns the SHA-256, in hexadecimal digits, of `prefix` and a file's uncompressed content.

    Raises:
      InputError: The file cannot be read.
    """
    digest = hashlib.sha256(prefix)
    for chunk in _file_chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def empty_cells(path: Path, column: str, numbers: Sequence[int]) -> InputError:
    """Returns what to tell the user about rows that have nothing in a column."""
    return InputError(
        f"File {path}, column {column!r} is empty or missing: {_row_numbers(numbers)}",
        "Fill these cells, or delete the rows",
    )


def _known_kind(path: Path, known: Collection[str]) -> str:
    kind = kind_of(path)
    if kind not in known:
        raise InputError(f"File {path} is of an unknown kind {kind!r}", f"Give {_one_of(known)}")
    return kind


def _one_of(kinds: Collection[str]) -> str:
    endings = ", ".join(filter(None, kinds))
    return f"a file that ends in one of {endings}, or in one of these and .gz"


def _text(path: Path, row: Row) -> str:
    [(column, text)] = row.cells.items()
    if text is None:
        raise empty_cells(path, column, [row.number])
    return text


def _file_lines(path: Path, split: "_Split") -> Iterator[str]:
    lines = _lines(_file_chunks(path), f"File {path}", split)
    return (line for line in lines if line is not PAUSE)


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from iter(lambda: file.read(_CHUNK), b"")
    except FileNotFoundError as error:
        raise InputError(f"File {path} does not exist", "Give the path of a file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"File {path} cannot be read: {error}", "Give a readable file") from error


def _chunks(descriptor: int) -> Iterator[bytes | None]:
    while chunk := os.read(descriptor, _CHUNK):
        yield chunk
        if not select.select([descriptor], [], [], _PATIENCE)[0]:
            yield PAUSE


# Splits bytes into lines that keep their ends, if its second argument is true.
_Split = Callable[[bytes, bool], Sequence[bytes]]


def _split_at_line_feeds(content: bytes, keep_ends: bool) -> list[bytes]:  # noqa: ARG001
    """Splits as `bytes.splitlines` does, but not at a carriage return alone: a text may hold it."""
    return io.BytesIO(content).readlines()


def _lines(chunks: Iterable[bytes | None], name: str, split: _Split) -> Iterator[str | None]:
    """Yields lines with their ends."""
    rest, number = bytearray(), 0
    for chunk in chunks:
        if chunk is PAUSE:
            yield PAUSE
            continue
        rest += chunk
        if b"\n" in chunk or b"\r" in chunk:
            *lines, last = split(bytes(rest), True)
            if last.endswith(b"\n"):
                lines, last = [*lines, last], b""
            for line in lines:
                number += 1
                yield _decode(line, number, name)
            rest = bytearray(last)
        if len(rest) > _LONGEST_LINE:
            raise InputError(
                f"{name}, line {number + 1} is longer than {_LONGEST_LINE >> 20} MiB",
                "Give one text a line",
            )
    if rest:
        yield _decode(bytes(rest), number + 1, name)


def _decode(line: bytes, number: int, name: str) -> str:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}, line {number} is not UTF-8: it has the byte 0x{line[error.start]:02x}",
            "Save it as UTF-8, such as by iconv -f windows-1252 -t utf-8",
        ) from error


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _separated_rows(
    path: Path, lines: Iterator[str], separator: str, columns: Mapping[str, str | None]
) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_LINE)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    numbered = enumerate(_well_formed_rows(path, reader), 1)
    header = next((row for _, row in numbered if row), None)
    if header is None:
        raise InputError(f"File {path} is empty", "Give a file with rows")
    chosen = _choose(path, header, columns)
    places = {name: header.index(name) for name in chosen}
    for number, row in numbered:
        if len(row) > len(header):
            raise InputError(
                f"File {path}, line {reader.line_num} ends a row of {len(row)} cells, and the "
                f"header has {len(header)}",
                'Put quotes (") around cells that hold the separator or a line break',
            )
        if any(row) or len(row) == len(header) == 1:
            yield Row(
                number,
                {name: row[at] if at < len(row) else None for name, at in places.items()},
            )


def _well_formed_rows(path: Path, reader: Any) -> Iterator[list[str]]:
    start = 1
    try:
        for row in reader:
            start = reader.line_num + 1
            yield row
    except csv.Error as error:
        began = f", in a row that begins on line {start}" if start < reader.line_num else ""
        raise InputError(
            f"File {path}, line {reader.line_num} is malformed{began}: {error}",
            'Put quotes (") around cells that hold a quote, and double that',
        ) from error


def _json_rows(
    path: Path, lines: Iterator[str], columns: Mapping[str, str | None]
) -> Iterator[Row]:
    records = ((n, _object(path, n, line)) for n, line in enumerate(lines, 1) if line.strip())
    first = list(itertools.islice(records, _NAMING_OBJECTS))
    if not first:
        return
    keys = dict.fromkeys(key for _, record in first for key in record)
    chosen = _choose(path, list(keys), columns)
    for number, record in itertools.chain(first, records):
        yield Row(number, {name: _cell(path, number, name, record.get(name)) for name in chosen})


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    remedy = 'Give one JSON object a line, such as {"text": "Lovely."}'
    try:
        record = json.loads(line, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise InputError(f"File {path}, line {number} is not JSON: {error}", remedy) from error
    if not isinstance(record, dict):
        raise InputError(f"File {path}, line {number} is not an object: {line[:40]!r}", remedy)
    return record


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {max(keys, key=keys.count)!r} occurs twice")
    return record


def _cell(path: Path, number: int, column: str, value: Any) -> str | None:
    """Returns a value of JSON as text: numbers and booleans as JSON writes them, null as None."""
    if isinstance(value, str):  # may escape half a surrogate pair, which is no UTF-8
        return value.encode(errors="replace").decode()
    if isinstance(value, dict | list):
        raise InputError(
            f"File {path}, column {column!r} holds lists or objects: {_row_numbers([number])}",
            "Give one text, number or boolean in each",
        )
    is_missing = value is None or value != value  # NaN differs from itself
    return None if is_missing else json.dumps(value)


def _choose(path: Path, names: Sequence[str], columns: Mapping[str, str | None]) -> list[str]:
    """Returns the name of the column of each kind."""
    chosen = [_choose_one(path, names, kind, given) for kind, given in columns.items()]
    for name in chosen:
        if names.count(name) > 1:
            raise InputError(
                f"File {path} has {names.count(name)} columns named {name!r}",
                "Give each column a name of its own",
            )
        if chosen.count(name) > 1:
            raise InputError(
                f"File {path}, column {name!r} cannot be both {' and '.join(columns)}",
                f"Name two columns with {' and '.join(f'--{kind}-column' for kind in columns)}",
            )
    return chosen


def _choose_one(path: Path, names: Sequence[str], kind: str, given: str | None) -> str:
    if given in names or (given is None and kind in names):
        return given or kind
    synonyms = [name for name in names if name.strip().lower() in (kind, *_SYNONYMS[kind])]
    if given is None and len(synonyms) == 1:
        return synonyms[0]
    guess = did_you_mean(repr(given or kind), map(repr, names), "")
    raise InputError(
        f"File {path} has no column {given or kind!r}; it has {', '.join(names)}",
        f"Name the column with --{kind}-column" + (guess and f". {guess}"),
    )


def _row_numbers(numbers: Sequence[int]) -> str:
    """Describes rows by their count and the first five numbers."""
    first = ", ".join(map(str, numbers[:5]))
    more = ", …" if len(numbers) > 5 else ""
    return f"{len(numbers)} row{'s' if len(numbers) > 1 else ''} ({first}{more})"
