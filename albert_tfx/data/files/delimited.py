"""Rows of cells between separators: CSV, TSV, and what Excel writes where the comma is decimal."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from albert_tfx.data.files import columns
from albert_tfx.data.files.columns import Row, Table, Wanted
from albert_tfx.data.files.lines import LONGEST_LINE
from albert_tfx.errors import InputError

COMMA, TAB = ",", "\t"
_SEPARATORS = {COMMA: "commas", ";": "semicolons", TAB: "tabs", "|": "bars"}
_HEADER_LINES = 50  # that may belong to the header's cells
# A first line of Excel's own that names the separator.
_NAMING = "sep="
# A cell of so many lines, or of so many that are rows on their own, may be what a stray quote made.
_MANY_LINES, _MANY_ROWS = 10, 2
# Of each column so many values, and none longer, are kept to tell rows within a cell by.
_KNOWN_VALUES, _KNOWN_LETTERS = 1000, 40


def read(path: Path, lines: Iterator[str], wanted: Wanted, separator: str) -> Table:
    """Reads a file of separated cells, strictly.

    Args:
      path: The file.
      lines: Its lines, with their ends.
      wanted: The columns.
      separator: What its name says is between cells. Where the wanted columns are in the header
        only with another one, that is taken, and remarked.

    Raises:
      InputError: The file is empty, or has no such columns.
    """
    head = list(itertools.islice(lines, _HEADER_LINES))
    skipped = 1 if head and head[0].lower().startswith(_NAMING) else 0
    named = head[0][len(_NAMING) :][:1] if skipped else ""
    head = head[skipped:]
    found = _separator(path, head, wanted, named if named in _SEPARATORS else separator)
    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(itertools.chain(head, lines), delimiter=found, strict=True)
    table = Table(path, {}, iter(()))
    if found != separator:
        table.remarks.append(f"{path.name} is read as separated by {_SEPARATORS[found]}")
    numbered = enumerate(_well_formed_rows(table, reader, skipped), 1 + skipped)
    header = next((row for _, row in numbered if row), None)
    if header is None:
        raise InputError(f"File {path} is empty", "Give a file with rows")
    table.names = columns.choose(path, header, wanted)
    table.rows = _rows(table, numbered, header, reader, skipped)
    return table


def _separator(path: Path, head: list[str], wanted: Wanted, own: str) -> str:
    """Returns the first separator by which the header has all wanted columns, else `own`."""
    headers = {each: _header(head, each) for each in (own, *(s for s in _SEPARATORS if s != own))}
    for separator, header in headers.items():
        try:
            columns.choose(path, header, wanted)
        except InputError:
            continue
        return separator
    return max(headers, key=lambda each: (len(headers[own]) == 1) * len(headers[each]))


def _header(head: list[str], separator: str) -> list[str]:
    try:
        return next(filter(None, csv.reader(head, delimiter=separator, strict=True)), [])
    except csv.Error:
        return []


def _rows(
    table: Table,
    numbered: Iterator[tuple[int, list[str]]],
    header: list[str],
    reader: Any,
    skipped: int,
) -> Iterator[Row]:
    places = {name: header.index(name) for found in table.names.values() for name in found}
    for number, row in numbered:
        if len(row) > len(header):
            raise InputError(
                f"File {table.path}, line {reader.line_num + skipped} ends a row of {len(row)} "
                f"cells, and the header has {len(header)}",
                'Put quotes (") around cells that hold the separator or a line break',
            )
        if any(row) or len(row) == len(header) == 1:
            yield columns.row(
                number,
                table.names,
                lambda name: row[places[name]] if places[name] < len(row) else None,  # noqa: B023
            )


def _well_formed_rows(table: Table, reader: Any, skipped: int) -> Iterator[list[str]]:
    start, width = 1, 0
    suspects = []
    known: list[set[str]] = []
    try:
        for number, row in enumerate(reader, 1 + skipped):
            width = width or len(row)
            known = known or [set() for _ in row]
            count = reader.line_num - start + 1
            separator = reader.dialect.delimiter
            if count > 1 and (
                _may_hold_rows(row, count, width, separator) or _joins_two(row, known, separator)
            ):
                suspects.append((number, count, start + skipped))
            _remember(row, known)
            start = reader.line_num + 1
            yield row
    except csv.Error as error:
        began = f", in a row that begins on line {start + skipped}"
        raise InputError(
            f"File {table.path}, line {reader.line_num + skipped} is malformed"
            f"{began if start < reader.line_num else ''}: {error}",
            'Put quotes (") around cells that hold a quote, and double that',
        ) from error
    if suspects:
        table.remarks.append(_many_lines(table.path, suspects))


def _may_hold_rows(row: list[str], count: int, width: int, separator: str) -> bool:
    if count >= _MANY_LINES:
        return True
    alike = (line.count(separator) == width - 1 for cell in row for line in cell.splitlines())
    return width > 1 and sum(alike) >= _MANY_ROWS


def _joins_two(row: list[str], known: list[set[str]], separator: str) -> bool:
    """Returns whether a cell has the end of a row and the start of the next, by their values."""
    for place, lines in enumerate(map(str.splitlines, row)):
        if len(lines) < 2:
            continue
        after, before = lines[0].split(separator)[1:], lines[-1].split(separator)[:-1]
        if (len(before), len(after)) == (place, len(known) - place - 1):
            values = zip((*before, *after), (*known[:place], *known[place + 1 :]), strict=True)
            if any(value in seen for value, seen in values):
                return True
    return False


def _remember(row: list[str], known: list[set[str]]) -> None:
    for cell, seen in zip(row, known, strict=False):
        if 0 < len(cell) <= _KNOWN_LETTERS and len(seen) < _KNOWN_VALUES:
            seen.add(cell)


def _many_lines(path: Path, suspects: list[tuple[int, int, int]]) -> str:
    number, count, start = max(suspects, key=lambda each: each[1])
    others = len(suspects) - 1
    more = f" ({others} more rows have many lines)" if others else ""
    return (
        f"{path.name}, row {number} is one row of {count} lines, {start} to {start + count - 1}"
        f'{more}: if these are rows of their own, a quote (") too many has joined them'
    )
