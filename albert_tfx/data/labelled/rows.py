"""The rows of a user's own labelled file, read anew whenever they are asked for."""

import array
import collections
import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from albert_tfx.contract import LABEL, TEXT
from albert_tfx.data.files import arrow, columns, reader
from albert_tfx.data.files.columns import GROUP, SPLIT, TIME
from albert_tfx.data.labelled import labels, splits
from albert_tfx.errors import InputError
from albert_tfx.options import FileOptions

# Of which most may be rare, and left out.
_MOST_LABELS = 100_000
_MICROSECOND = datetime.timedelta(microseconds=1)
_BEGINNING = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# Of these columns a row needs something.
_NEEDED = (TEXT, LABEL, GROUP, TIME, SPLIT)


class Labelled(NamedTuple):
    """A row that has all that it needs.

    Attributes:
      number: Its number in the file.
      text: The text.
      label: The label, tidied.
      side: The side that the file says, or `splits.OPEN`.
      unit: Hash of what is never divided: the text's words, or its group.
      time: Microseconds since 1970, or 0 without a column of times.
    """

    number: int
    text: str
    label: str
    side: int
    unit: int
    time: int


@dataclasses.dataclass(frozen=True)
class Source:
    """A file, or the folder of a saved data set, and the side whose rows it holds.

    Attributes:
      path: Where it is.
      side: The side, or `splits.OPEN` where it is to be divided.
    """

    path: Path
    side: int


@dataclasses.dataclass
class Survey:
    """What was found in all rows, each attribute with one value a row, in their order.

    Attributes:
      units: uint64; see `Labelled`.
      labels: Index into `spellings`.
      given: Sides.
      times: int64.
      spellings: The labels as they are written, each with the number of its rows.
      remarks: What to tell the user of how the files were read.
    """

    units: "array.array[int]" = dataclasses.field(default_factory=lambda: array.array("Q"))
    labels: "array.array[int]" = dataclasses.field(default_factory=lambda: array.array("L"))
    given: bytearray = dataclasses.field(default_factory=bytearray)
    times: "array.array[int]" = dataclasses.field(default_factory=lambda: array.array("q"))
    spellings: dict[str, int] = dataclasses.field(default_factory=dict)
    remarks: list[str] = dataclasses.field(default_factory=list)


def sources(options: FileOptions) -> list[Source]:
    """Returns the files of a data set, that of `--csv` first.

    Raises:
      InputError: A folder is of no use, or one cannot be read a second time.
    """
    assert options.csv is not None
    main = Path(options.csv).expanduser()
    saved = arrow.saved_splits(main) if main.is_dir() else {}
    if saved:
        return [Source(path, _side_of_split(main, name)) for name, path in saved.items()]
    train = splits.TRAIN if options.eval_csv and options.test_csv else splits.OPEN
    given = ((main, train), (options.eval_csv, splits.EVAL), (options.test_csv, splits.TEST))
    found = [Source(Path(path).expanduser(), side) for path, side in given if path]
    for source in found:
        if source.path.is_fifo():
            raise InputError(f"{source.path} is a pipe, which can be read only once", "Give a file")
    return found


def open_source(source: Source, options: FileOptions) -> columns.Table:
    """Opens a file with the columns that are asked for.

    Raises:
      InputError: See `reader.open_table`.
    """
    named = {SPLIT: options.split_column, GROUP: options.group_column, TIME: options.time_column}
    wanted = {
        TEXT: options.text_column,
        LABEL: (options.label_column,) if options.label_column else (),
        **{kind: (name,) for kind, name in named.items() if name},
    }
    return reader.open_table(source.path, wanted, options.encoding)


def read(
    source: Source, options: FileOptions, remarks: list[str] | None = None
) -> Iterator[Labelled]:
    """Yields the rows that have all that they need, and then refuses the file if some have not.

    Args:
      source: The file.
      options: How to read it.
      remarks: Receives what to tell the user, once all rows are read.

    Raises:
      InputError: The file cannot be read, or rows lack something and are not to be left out.
    """
    table = open_source(source, options)
    empty: dict[str, list[int]] = collections.defaultdict(list)
    skipped = 0
    for number, cells in table.rows:
        lacking = [kind for kind in _NEEDED if kind in cells and not (cells[kind] or "").strip()]
        skipped += bool(lacking)
        if not options.skip_empty:
            for kind in lacking:
                empty[kind].append(number)
        if not lacking:
            yield _labelled(source, table, number, cells)  # type: ignore[arg-type]
    for kind, numbers in empty.items():
        raise columns.empty_cells(source.path, table.names[kind], numbers)
    if remarks is not None:
        remarks.extend(table.remarks)
        if skipped:
            remarks.append(f"{source.path.name}: {skipped:,} rows lack a cell, and are left out")


def survey(files: list[Source], options: FileOptions) -> Survey:
    """Reads all rows once.

    Raises:
      InputError: See `read`; or there are more labels than classes can be.
    """
    found = Survey()
    places: dict[str, int] = {}
    for source in files:
        for row in read(source, options, found.remarks):
            place = places.setdefault(row.label, len(places))
            _refuse_too_many(source, len(places))
            found.spellings[row.label] = found.spellings.get(row.label, 0) + 1
            found.units.append(row.unit)
            found.labels.append(place)
            found.given.append(row.side)
            found.times.append(row.time)
    return found


def as_array(values: "array.array[int] | bytearray", dtype: type[np.generic]) -> np.ndarray:
    """Returns values as a NumPy array of a type."""
    code = "B" if isinstance(values, bytearray) else values.typecode
    return np.frombuffer(values, np.dtype(code)).astype(dtype)


def _side_of_split(folder: Path, name: str) -> int:
    side = splits.side_named(name)
    if side is None:
        raise InputError(
            f"{folder} has a split {name!r}, which is none of train, validation and test",
            f"Give one of its splits, such as {folder / name}",
        )
    return side


def _labelled(
    source: Source, table: columns.Table, number: int, cells: Mapping[str, str]
) -> Labelled:
    unit = splits.group_hash(cells[GROUP]) if GROUP in cells else splits.text_hash(cells[TEXT])
    return Labelled(
        number=number,
        text=cells[TEXT],
        label=labels.tidy(cells[LABEL]),
        side=_side(table, number, cells[SPLIT]) if SPLIT in cells else source.side,
        unit=unit,
        time=_time(table, number, cells[TIME]) if TIME in cells else 0,
    )


def _side(table: columns.Table, number: int, name: str) -> int:
    side = splits.side_named(name)
    if side is None:
        raise InputError(
            f"File {table.path}, column {table.names[SPLIT][0]!r} says {name!r} in row {number}",
            "Write train, eval (or validation) or test in each row",
        )
    return side


def _time(table: columns.Table, number: int, value: str) -> int:
    """Returns microseconds since 1970 of a number or of a time by ISO 8601, UTC where none says."""
    try:
        return round(float(value) * 1e6)
    except (ValueError, OverflowError):
        pass
    try:
        time = datetime.datetime.fromisoformat(value.strip())
    except ValueError as error:
        raise InputError(
            f"File {table.path}, column {table.names[TIME][0]!r} has {value[:40]!r} in row "
            f"{number}, which is no time",
            "Write numbers, or times such as 2026-11-29 or 2026-11-29T20:53:00+01:00",
        ) from error
    return (
        (time if time.tzinfo else time.replace(tzinfo=datetime.UTC)) - _BEGINNING
    ) // _MICROSECOND


def _refuse_too_many(source: Source, count: int) -> None:
    if count > _MOST_LABELS:
        raise InputError(
            f"File {source.path} has more than {_MOST_LABELS:,} different labels",
            "Name the column of the classes with --label-column",
        )
