"""Rows of numbers as they are shuffled."""

import numpy as np
import pytest

from albert_tfx.data.duplicates.blocks import by_file, by_shard, gathered
from albert_tfx.data.duplicates.places import place

TEXTS, KEYS = 1_000, 16


def bands() -> tuple[np.ndarray, np.ndarray]:
    """Returns random keys of 48 bits and the places of the texts that have them."""
    keys = np.random.default_rng(0).integers(1 << 48, size=TEXTS * KEYS)
    return keys, np.repeat(place((2, 3), np.arange(70_000, 70_000 + TEXTS)), KEYS)


@pytest.mark.parametrize("split", [by_shard, by_file])
def test_rows_come_back_as_they_were(split):
    columns = (*bands()[::-1], np.random.default_rng(1).integers(-(1 << 63), 1 << 63, TEXTS * KEYS))
    rows = gathered([piece for _, piece in split(*columns)], 3)
    expected = np.column_stack(columns)
    assert rows.tolist() == expected[np.lexsort(expected.T[::-1])].tolist()


def test_nothing_gathered_has_its_columns():
    assert gathered([], 4).shape == (0, 4)


def test_a_row_of_key_and_place_takes_half_of_its_bytes_to_shuffle():
    pieces = [piece for _, piece in by_shard(*bands())]
    assert sum(map(len, pieces)) < 8 * TEXTS * KEYS
