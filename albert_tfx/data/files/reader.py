"""The one reader of users' files: for training, scoring and predicting, strict and row by row.

`*.csv` and `*.tsv` hold rows of named columns, `*.jsonl` and `*.ndjson` one object a line, `*.txt`
and a file without an ending one text a line; each may be `*.gz`. `*.parquet`, and folders that
`save_to_disk` of Hugging Face's `datasets` wrote, are read as well. Millions of rows need no more
memory than thousands. docs/data.md describes it for users.

To add a format, add a module that returns a `Table`, and its ending to `_FORMATS`.
"""

import functools
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from albert_tfx.contract import TEXT
from albert_tfx.data.files import arrow, content, delimited, json_lines
from albert_tfx.data.files import lines as text_lines
from albert_tfx.data.files.columns import ID, Row, Table, Wanted, empty_cells
from albert_tfx.errors import InputError

_LINES: dict[str, Callable[[Path, Iterator[str], Wanted], Table]] = {
    ".csv": functools.partial(delimited.read, separator=delimited.COMMA),
    ".tsv": functools.partial(delimited.read, separator=delimited.TAB),
    ".jsonl": json_lines.read,
    ".ndjson": json_lines.read,
}
_FORMATS: dict[str, Callable[[Path, Wanted], Table]] = {".parquet": arrow.read_parquet}
_WITH_COLUMNS = (*_LINES, *_FORMATS)
_PLAIN_LINES = (".txt", "")


def open_table(path: Path, wanted: Wanted, encoding: str | None = None) -> Table:
    """Opens a file with named columns, and reads their names; empty rows are left out.

    Args:
      path: The file.
      wanted: The kinds of columns that are wanted, each with the names given for it, or none for
        the column named as the kind or a synonym.
      encoding: How texts are encoded, None for UTF-8.

    Raises:
      InputError: The file cannot be read, is of another kind, has no such columns; or, as its rows
        are read, it is malformed.
    """
    if path.is_dir():
        return _open_folder(path, wanted)
    content.require_file(path)
    suffix = _known_kind(path, _WITH_COLUMNS)
    if suffix in _FORMATS:
        return _FORMATS[suffix](path, wanted)
    return _LINES[suffix](path, _lines_of(path, encoding, universal=True), wanted)


def open_texts(
    path: Path,
    text_columns: Sequence[str] = (),
    id_column: str | None = None,
    encoding: str | None = None,
) -> Table:
    """Opens a file whose texts are to be classified: with named columns, or of one text a line.

    Args:
      path: The file.
      text_columns: The columns that hold the texts, or none for the one named `text` or a synonym.
      id_column: The column that tells the rows apart, or None.
      encoding: How texts are encoded, None for UTF-8.

    Raises:
      InputError: See `open_table`; or a column is given, and the file has none.
    """
    if path.is_dir() or has_columns(path):
        identity = {ID: (id_column,)} if id_column else {}
        return open_table(path, {TEXT: text_columns, **identity}, encoding)
    asked = [(name, "--text-column") for name in text_columns]
    asked += [(id_column, "--id-column")] if id_column else []
    for column, option in asked:
        raise InputError(
            f"File {path} holds one text a line, and no column {column!r}",
            f"Leave {option} out, or give {_one_of(_WITH_COLUMNS)}",
        )
    lines = map(text_lines.without_end, _lines_of(path, encoding, universal=False))
    rows = (Row(number, {TEXT: line}) for number, line in enumerate(lines, 1))
    return Table(path, {TEXT: ()}, rows)


def rows_with_text(table: Table, skip_empty: bool = False) -> Iterator[Row]:
    """Yields the rows of a table of texts; a text may be empty where its cell is there.

    Args:
      table: What `open_texts` returned.
      skip_empty: Whether rows without a text are left out, with a remark.

    Raises:
      InputError: See `open_table`; or a row has no text.
    """
    skipped = 0
    for row in table.rows:
        text = row.cells[TEXT]
        if text is None and not skip_empty:
            raise empty_cells(table.path, table.names[TEXT], [row.number])
        if skip_empty and not (text or "").strip():
            skipped += 1
        else:
            yield row
    if skipped:
        table.remarks.append(f"{table.path.name}: {skipped:,} rows without a text are left out")


def texts_of_descriptor(
    descriptor: int, name: str, encoding: str | None = None
) -> Iterator[str | None]:
    """Yields the lines of a file descriptor, and `content.PAUSE` whenever no more are there yet.

    Args:
      descriptor: The descriptor, e.g. 0.
      name: What to call it in an error.
      encoding: How texts are encoded, None for UTF-8.

    Raises:
      InputError: A line is encoded in another way, or too long to be one.
    """
    try:
        chunks = content.chunks_of(descriptor)
        for line in text_lines.lines(chunks, name, encoding, universal=False):
            yield line if line is content.PAUSE else text_lines.without_end(line)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}", "Give a file") from error


def kind_of(path: Path) -> str:
    """Returns the ending that says how a file holds its texts, in lower case; a number is none.

    >>> kind_of(Path("reviews.CSV.gz")), kind_of(Path("reviews.2025"))
    ('.csv', '')
    """
    suffix = (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()
    return "" if suffix[1:].isdecimal() else suffix


def has_columns(path: Path) -> bool:
    """Returns whether a file has named columns: else, each of its lines is a text.

    Raises:
      InputError: The file is of an unknown kind.
    """
    return _known_kind(path, (*_WITH_COLUMNS, *_PLAIN_LINES)) in _WITH_COLUMNS


def names_a_file(name: str) -> bool:
    """Returns whether a name ends as those of files do, so that it is no split's."""
    return kind_of(Path(name)) in (*_WITH_COLUMNS, ".txt") or name.lower().endswith(".gz")


def plain_name(name: str) -> str:
    """Returns a name with `_` for whatever is no letter or digit of ASCII.

    >>> plain_name("new reviews (2)")
    'new_reviews_2_'
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", name)


def _open_folder(path: Path, wanted: Wanted) -> Table:
    if arrow.is_saved(path):
        return arrow.read_saved(path, wanted)
    splits = arrow.saved_splits(path)
    if splits:
        raise InputError(
            f"{path} holds {len(splits)} splits: {', '.join(splits)}",
            f"Give one of them, such as {next(iter(splits.values()))}",
        )
    raise InputError(
        f"{path} is a folder, and none that save_to_disk of datasets wrote", "Give a file"
    )


def _known_kind(path: Path, known: Collection[str]) -> str:
    kind = kind_of(path)
    if kind not in known:
        raise InputError(f"File {path} is of an unknown kind {kind!r}", f"Give {_one_of(known)}")
    return kind


def _one_of(kinds: Collection[str]) -> str:
    endings = ", ".join(filter(None, kinds))
    return f"a file that ends in one of {endings}, or in one of these and .gz"


def _lines_of(path: Path, encoding: str | None, universal: bool) -> Iterator[str]:
    known = text_lines.require_encoding(encoding) if encoding else None
    found = text_lines.lines(content.chunks(path), f"File {path}", known, universal)
    return (line for line in found if line is not content.PAUSE)
