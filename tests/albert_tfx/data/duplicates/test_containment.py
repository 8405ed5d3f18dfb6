"""Which texts lie within others, as runs of their words."""

from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.test_pipeline import TestPipeline

from albert_tfx.data import words
from albert_tfx.data.duplicates import containment
from albert_tfx.data.duplicates.blocks import read_blocks
from albert_tfx.data.duplicates.findings import CONTAINED, Duplicate
from albert_tfx.data.duplicates.places import SPLITS, file_of, row_of
from albert_tfx.data.records import files_of
from albert_tfx.storage import read_json, write_json
from tests.support.artifacts import save_reviews

LONG = "a b c d e f g h i j k l m n o p q r s t"


def test_a_run_has_one_hash_wherever_it_is():
    found = dict(containment.runs(words.word_hashes(words.words(LONG))))
    part = dict(containment.runs(words.word_hashes(words.words("e f g h i j k l"))))
    assert [*found] == [4, 8, 16]
    assert part[8][0] == found[8][4]
    assert part[4].tolist() == found[4][4:9].tolist()
    assert [*containment.runs(words.word_hashes(["a", "b", "c"]))] == []


def test_texts_within_a_text_of_another_split_are_found(tmp_path):
    texts = [
        (0, 0, LONG),
        (0, 1, "b c d e"),  # of the same split
        (1, 0, "B, c d e f!"),
        (1, 1, LONG),  # the same text, not one within it
        (1, 2, "p q r s t"),
        (2, 0, "c d e"),  # too short
        (2, 1, "b c d f"),  # not in a row
        (2, 2, "k l m n o p q r s t"),
        (2, 3, "k l m n o p q r s u"),
        (2, 4, "x y " + LONG),
    ]
    expected = {
        ((0, 0, 0), (2, 0, 4)),
        ((0, 0, 1), (1, 0, 1)), ((0, 0, 1), (1, 0, 0)), ((0, 0, 1), (2, 0, 4)),
        ((1, 0, 0), (0, 0, 0)), ((1, 0, 0), (2, 0, 4)),
        ((1, 0, 1), (2, 0, 4)),
        ((1, 0, 2), (0, 0, 0)), ((1, 0, 2), (2, 0, 2)), ((1, 0, 2), (2, 0, 4)),
        ((2, 0, 2), (0, 0, 0)), ((2, 0, 2), (1, 0, 1)),
    }  # fmt: skip
    # One host of each split is enough.
    expected.discard(((0, 0, 1), (1, 0, 1)))
    expected.discard(((1, 0, 2), (2, 0, 4)))
    by_split = [[text for split, _, text in texts if split == number] for number in range(3)]
    assert contained(by_split, tmp_path) == expected


@pytest.mark.parametrize("texts_per_file", [1000, 7])
def test_all_that_comparing_each_with_each_finds_is_found(tmp_path, texts_per_file):
    random = np.random.default_rng(seed=3)
    splits = [
        [" ".join(random.choice([*"abc"], length)) for length in random.integers(1, 40, 60)]
        for _ in range(3)
    ]
    expected = set()
    for split, texts in enumerate(splits):
        for row, text in enumerate(texts):
            if len(text.split()) < containment.LEAST_WORDS:
                continue
            for other in {0, 1, 2} - {split}:
                holding = [
                    held
                    for held, host in enumerate(splits[other])
                    if f" {text} " in f" {host} " and len(host) > len(text)
                ]
                expected |= {((split, row), (other, host)) for host in holding[:1]}
    assert len(expected) > 20
    places = contained(splits, tmp_path, texts_per_file)
    rows = {
        tuple((split, file * texts_per_file + row) for split, file, row in pair) for pair in places
    }
    assert rows == expected


def contained(splits: list[list[str]], folder: Path, texts_per_file: int = 1000) -> set:
    """Returns split, file and row of each text that is found, and of what holds it."""
    named = dict(zip(SPLITS, ([(text, 0) for text in texts] for texts in splits), strict=True))
    uri = save_reviews(folder, texts_per_file, **named).uri
    paths = {
        (number, index): path
        for number, split in enumerate(SPLITS)
        for index, path in enumerate(files_of(uri, split))
    }
    with TestPipeline("FnApiRunner") as pipeline:
        files = pipeline | beam.Create([*paths])
        blocks = files | beam.FlatMap(read_blocks, paths)
        _ = (
            blocks
            | containment.FindContained(files, paths)
            | beam.combiners.ToList()
            | beam.Map(lambda pairs: write_json(folder / "found.json", [each(p) for p in pairs]))
        )
    found = read_json(folder / "found.json")
    return {tuple(map(tuple, pair)) for pair in found}


def each(duplicate: Duplicate) -> list:
    assert duplicate.kind == CONTAINED
    return [[*file_of(place), row_of(place)] for place in (duplicate.text, duplicate.original)]
