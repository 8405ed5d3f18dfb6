"""One JSON object a line."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from albert_tfx.data.files import columns
from albert_tfx.data.files.columns import Row, Table, Wanted
from albert_tfx.errors import InputError

# So many objects together name the columns: the first may lack one.
_NAMING_OBJECTS = 100


def read(path: Path, lines: Iterator[str], wanted: Wanted) -> Table:
    """Reads a file of one JSON object a line; a file without any has no rows.

    Raises:
      InputError: It has no such columns, or one of its first lines is no object.
    """
    records = ((n, _object(path, n, line)) for n, line in enumerate(lines, 1) if line.strip())
    first = list(itertools.islice(records, _NAMING_OBJECTS))
    names = dict.fromkeys(key for _, record in first for key in record)
    chosen = columns.choose(path, list(names), wanted) if first else {}
    return Table(path, chosen, _rows(path, itertools.chain(first, records), chosen))


def _rows(
    path: Path, records: Iterator[tuple[int, dict[str, Any]]], chosen: dict[str, tuple[str, ...]]
) -> Iterator[Row]:
    for number, record in records:
        yield columns.row(
            number,
            chosen,
            lambda name: columns.as_text(path, number, name, record.get(name)),  # noqa: B023
        )


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
