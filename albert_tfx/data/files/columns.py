"""Which columns of a file hold what: as they were named, or by the names that are usual."""

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from albert_tfx.contract import LABEL, TEXT
from albert_tfx.errors import InputError, did_you_mean

ID, SPLIT, GROUP, TIME = "id", "split", "group", "time"
_SYNONYMS = {TEXT: ("review", "sentence", "content"), LABEL: ("sentiment", "class", "target")}
_SHOWN_NAMES, _SHOWN_LETTERS = 20, 40
# The columns that are wanted by their kind, each with the names given for it; none for those of
# the kind's name or a synonym.
Wanted = Mapping[str, Sequence[str]]


class Row(NamedTuple):
    """One row of a file.

    Attributes:
      number: Its number from 1 on; a header and empty rows count.
      cells: Its values by the kind of column. A value is None where the row has none; several
        columns of one kind are joined by spaces.
    """

    number: int
    cells: dict[str, str | None]


@dataclasses.dataclass
class Table:
    """A file with named columns, as far as it is read.

    Attributes:
      path: The file.
      names: The names of the columns that were wanted, by their kind.
      rows: Its rows, read as they are asked for; raises `InputError` at one that is malformed.
      remarks: What to tell the user of how it was read; complete once all rows are read.
    """

    path: Path
    names: Mapping[str, Sequence[str]]
    rows: Iterator[Row]
    remarks: list[str] = dataclasses.field(default_factory=list)


def choose(path: Path, names: Sequence[str], wanted: Wanted) -> dict[str, tuple[str, ...]]:
    """Returns the names of the columns of each kind.

    Args:
      path: The file.
      names: The names of all its columns.
      wanted: The kinds.

    Raises:
      InputError: There is no such column, or there are several; or one is of two kinds.
    """
    chosen = {
        kind: tuple(_choose_one(path, names, kind, each) for each in given or (None,))
        for kind, given in wanted.items()
    }
    every = [name for found in chosen.values() for name in found]
    for name in every:
        if names.count(name) > 1:
            raise InputError(
                f"File {path} has {names.count(name)} columns named {name!r}",
                "Give each column a name of its own",
            )
        if every.count(name) > 1:
            kinds = [kind for kind, found in chosen.items() for each in found if each == name]
            raise InputError(
                f"File {path}, column {name!r} cannot be both {' and '.join(kinds)}",
                f"Name two columns with {' and '.join(f'--{kind}-column' for kind in kinds)}",
            )
    return chosen


def row(
    number: int, chosen: Mapping[str, Sequence[str]], value: Callable[[str], str | None]
) -> Row:
    """Returns a row whose value in the column of a name `value` gives."""
    return Row(number, {kind: _joined(map(value, names)) for kind, names in chosen.items()})


def as_text(path: Path, number: int, column: str, value: Any) -> str | None:
    """Returns a value of JSON or Arrow as text: numbers and booleans as JSON writes them.

    Returns:
      The text, None for null and NaN.

    Raises:
      InputError: It is a list or an object.
    """
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):  # may escape half a surrogate pair, which is no UTF-8
        return value.encode(errors="replace").decode()
    if isinstance(value, dict | list):
        raise InputError(
            f"File {path}, column {column!r} holds lists or objects: {row_numbers([number])}",
            "Give one text, number or boolean in each",
        )
    is_missing = value is None or value != value  # NaN differs from itself
    return None if is_missing else json.dumps(value, default=str).strip('"')


def empty_cells(path: Path, names: Sequence[str], numbers: Sequence[int]) -> InputError:
    """Returns what to tell the user about rows that have nothing in columns of one kind."""
    columns = " and ".join(map(repr, names))
    return InputError(
        f"File {path}, column {columns} is empty or missing: {row_numbers(numbers)}",
        "Fill these cells, delete the rows, or leave them out with --skip-empty",
    )


def row_numbers(numbers: Sequence[int]) -> str:
    """Describes rows by their count and the first five numbers."""
    first = ", ".join(map(str, numbers[:5]))
    more = ", …" if len(numbers) > 5 else ""
    return f"{len(numbers)} row{'s' if len(numbers) > 1 else ''} ({first}{more})"


def _joined(values: Iterator[str | None]) -> str | None:
    first, *others = values
    if not others:
        return first
    return " ".join(value for value in (first, *others) if value and value.strip()) or None


def _choose_one(path: Path, names: Sequence[str], kind: str, given: str | None) -> str:
    if given in names or (given is None and kind in names):
        return given or kind
    usual = (given,) if given else (kind, *_SYNONYMS.get(kind, ()))
    alike = [name for name in names if _plain(name) in map(_plain, usual)]
    if len(alike) == 1 and (given is None or alike[0].strip() == given.strip()):
        return alike[0]
    guess = did_you_mean(repr(given or kind), map(repr, names), "")
    raise InputError(
        f"File {path} has no column {given or kind!r}; it has {_listed(names)}",
        f"Name the column with --{kind}-column" + (guess and f". {guess}"),
    )


def _listed(names: Sequence[str]) -> str:
    """Returns names, cut short where something else than a header was read as one."""
    short = (name if len(name) <= _SHOWN_LETTERS else f"{name[:_SHOWN_LETTERS]}…" for name in names)
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(itertools.islice(short, _SHOWN_NAMES)) + more


def _plain(name: str) -> str:
    return name.strip().lower()
