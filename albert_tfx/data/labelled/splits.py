"""Which rows of a file are for training, for choosing the winner and for the final report.

A text's side follows from the hash of its words, so that spellings of one text are on one side, and
it stays there as rows are added. Where chance would leave a class short on a side, the texts next
in the order of the hashes top it up: only these, whose hash says train, may move when rows are
added; and where chance leaves a class less than half for training, some of it go back.
"""

import collections
import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from albert_tfx import contract
from albert_tfx.data import words
from albert_tfx.errors import InputError

SIDES = (contract.TRAIN, contract.EVAL, contract.TEST)
TRAIN, EVAL, TEST = range(3)
# Of a row of which nothing is said.
OPEN = 3
_NAMES = {
    contract.TRAIN: TRAIN,
    "training": TRAIN,
    contract.EVAL: EVAL,
    "validation": EVAL,
    "valid": EVAL,
    "val": EVAL,
    "dev": EVAL,
    contract.TEST: TEST,
    "testing": TEST,
}
# Bounds of the hash, as shares of its range, below which a text is for training or eval.
_EVAL_FROM, _TEST_FROM = 0.8, 0.9
# A side gets a tenth of a class's texts, up to so many; of a larger class a twentieth at the least,
# below which chance hardly ever falls: so its texts never move.
_ENOUGH = 10
_FEWEST = 3

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]
Sides = npt.NDArray[np.uint8]


def text_hash(text: str) -> int:
    """Returns 64 bits that are alike for texts of the same words; see `words.words`."""
    return _hash(" ".join(words.words(text)))


def group_hash(name: str) -> int:
    """Returns 64 bits that are alike for the same name of a group."""
    return _hash(name)


def side_named(name: str) -> int | None:
    """Returns the side that a word means: `Train`, `validation`, `dev`; None for any other."""
    return _NAMES.get(name.strip().lower())


def least(texts: int) -> int:
    """Returns how many of a class's texts eval and test each have, at the least."""
    if texts < _FEWEST:
        return 0
    return max(1, min(texts // 10, _ENOUGH), texts // 20)


def by_time(times: Indices, given: Sides) -> Sides:
    """Returns the side of each row: the latest tenth is for testing, the tenth before it for eval.

    Args:
      times: int64 `[rows]`. Rows of the same time are on the same side.
      given: uint8 `[rows]`; rows of `OPEN` and `TRAIN` are divided among the sides not given.

    Raises:
      InputError: There are too few different times.
    """
    sides, missing, is_open = _open(given)
    tenth = max(1, int(is_open.sum()) // 10)
    for side in reversed(missing):
        left = sides == TRAIN
        ordered = np.sort(times[left])
        later = ordered[ordered > ordered[:1]]  # the first time is for training, whatever is left
        for start in later[-tenth:][:1]:
            sides[left & (times >= start)] = side
    if not all((sides == side).any() for side in (TRAIN, *missing)):
        raise InputError(
            f"There are too few different times ({len(np.unique(times)):,}) for three splits",
            "Name another column with --time-column, or leave it out",
        )
    return sides


def by_hash(units: Hashes, classes: Indices, given: Sides) -> Sides:
    """Returns the side of each row, by the hash of its text or group, and by its class.

    Args:
      units: uint64 `[rows]`: the hash of what is never divided.
      classes: int64 `[rows]`: the index of the class.
      given: uint8 `[rows]`; rows of `OPEN` and `TRAIN` are divided among the sides not given.

    Returns:
      uint8 `[rows]`: `TRAIN`, `EVAL` or `TEST`; the same for the same rows in any order.
    """
    sides, missing, is_open = _open(given)
    if missing and is_open.any():
        sides[is_open] = _Division(units[is_open], classes[is_open], missing).sides()
    return sides


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _open(given: Sides) -> tuple[Sides, list[int], npt.NDArray[np.bool_]]:
    """Returns the sides as given, else TRAIN; which are not given; and which rows may go there."""
    missing = [side for side in (EVAL, TEST) if not (given == side).any()]
    is_open = (given == OPEN) | (given == TRAIN)
    return np.where(is_open, TRAIN, given).astype(np.uint8), missing, is_open


class _Division:
    """Units in the order of their hashes, being divided among the sides."""

    def __init__(self, units: Hashes, classes: Indices, missing: Sequence[int]) -> None:
        self._missing = missing
        hashes, self._unit_of_row = np.unique(units, return_inverse=True)
        share = hashes / 2.0**64
        self._side = np.full(len(hashes), TRAIN, np.uint8)
        for side, start in ((EVAL, _EVAL_FROM), (TEST, _TEST_FROM)):
            end = _TEST_FROM if side == EVAL else np.inf
            if side in missing:
                self._side[(share >= start) & (share < end)] = side
        pairs = np.unique(np.stack([classes, self._unit_of_row]), axis=1)
        self._units_of = dict(_groups(*pairs))
        self._classes_of: dict[int, list[int]] = collections.defaultdict(list)
        for of_class, unit in pairs.T.tolist():
            self._classes_of[unit].append(of_class)

    def sides(self) -> Sides:
        """Returns the side of each row."""
        for of_class in sorted(self._units_of, key=lambda each: (len(self._units_of[each]), each)):
            self._top_up(of_class)
        return self._side[self._unit_of_row]

    def _top_up(self, of_class: int) -> None:
        units = self._units_of[of_class]
        self._fill(of_class, TRAIN, units, self._missing)
        for side in self._missing:
            # The texts next to eval's hashes lie below them; next to test's, the range begins anew.
            ordered = units if side == TEST else units[::-1]
            self._fill(of_class, side, ordered, [TRAIN])
            self._fill(of_class, side, ordered, self._missing)

    def _fill(self, of_class: int, side: int, units: Indices, sources: Sequence[int]) -> None:
        """Takes units from other sides, in order, until there are enough."""
        needed = _needed(len(units), side)
        for unit in units:
            if self._count(of_class, side) >= needed:
                break
            if self._side[unit] in sources and self._may_leave(unit, self._side[unit]):
                self._side[unit] = side

    def _may_leave(self, unit: int, side: int) -> bool:
        """Returns whether each of a unit's classes has enough on its side without it."""
        for of_class in self._classes_of[unit]:
            if self._count(of_class, side) <= _needed(len(self._units_of[of_class]), side):
                return False
        return True

    def _count(self, of_class: int, side: int) -> int:
        return int((self._side[self._units_of[of_class]] == side).sum())


def _needed(texts: int, side: int) -> int:
    return texts // 2 if side == TRAIN else least(texts)


def _groups(classes: Indices, units: Indices) -> "zip[tuple[int, Indices]]":
    """Returns each class with its units, in order."""
    names, starts = np.unique(classes, return_index=True)
    return zip(names.tolist(), np.split(units, starts[1:]), strict=True)
