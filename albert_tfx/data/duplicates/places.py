"""Where a text lies: split, file and row, as one number that sorts like the three."""

from typing import Any

from albert_tfx.contract import EVAL, TEST, TRAIN

# Of two texts that are alike, the one whose split comes first here stays.
SPLITS = (TEST, EVAL, TRAIN)
File = tuple[int, int]  # index into SPLITS, number of the file within the split

_ROW_BITS = 38
_FILE_BITS = 23


def place(file: File, row: Any) -> Any:
    """Returns the number of a row of a file, or int64 `[rows]` for an array of rows."""
    split, number = file
    return (split << _FILE_BITS | number) << _ROW_BITS | row


def split_of(number: Any) -> Any:
    """Returns the index into `SPLITS` of a place, or of an array of places."""
    return number >> _FILE_BITS + _ROW_BITS


def file_number(number: Any) -> Any:
    """Returns a number for the file of a place, or of each of an array of places."""
    return number >> _ROW_BITS


def file_of(number: int) -> File:
    """Returns the file of a place."""
    return split_of(number), file_number(number) & (1 << _FILE_BITS) - 1


def row_of(number: int) -> int:
    """Returns the row of a place within its file."""
    return number & (1 << _ROW_BITS) - 1
