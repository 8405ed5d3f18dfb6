"""Which side a text falls on, and which texts may move when rows are added."""

import collections

import numpy as np
import pytest

from albert_tfx.data.labelled import splits
from albert_tfx.data.labelled.splits import EVAL, OPEN, TEST, TRAIN
from albert_tfx.errors import InputError


def hashes(texts):
    return np.array([splits.text_hash(text) for text in texts], np.uint64)


def divide(texts, classes, given=None):
    given = np.full(len(texts), OPEN, np.uint8) if given is None else np.array(given, np.uint8)
    return splits.by_hash(hashes(texts), np.array(classes, np.int64), given)


def rows(per_class: int, num_classes: int, seed: int):
    texts = [f"text {seed} {n} {c}" for n in range(per_class) for c in range(num_classes)]
    return texts, [c for _ in range(per_class) for c in range(num_classes)]


def by_threshold(text: str) -> int:
    share = splits.text_hash(text) / 2**64
    return TRAIN if share < 0.8 else EVAL if share < 0.9 else TEST


@pytest.mark.parametrize("num_classes", [3, 77, 150])
@pytest.mark.parametrize("per_class", [10, 20, 50])
def test_each_side_has_its_share_of_every_class(num_classes, per_class):
    for seed in range(4):
        texts, classes = rows(per_class, num_classes, seed)
        counts = collections.Counter(zip(classes, divide(texts, classes).tolist(), strict=True))
        for each in range(num_classes):
            assert counts[each, EVAL] >= per_class // 10
            assert counts[each, TEST] >= per_class // 10
            assert counts[each, TRAIN] >= per_class // 2


def test_the_order_of_rows_decides_nothing():
    texts, classes = rows(12, 9, 1)
    sides = dict(zip(texts, divide(texts, classes).tolist(), strict=True))
    assert sides == dict(zip(texts[::-1], divide(texts[::-1], classes[::-1]).tolist(), strict=True))


def test_texts_of_large_classes_never_move():
    texts, classes = rows(600, 2, 1)
    assert divide(texts, classes).tolist() == [by_threshold(text) for text in texts]


def test_only_texts_that_top_up_move_when_rows_are_added():
    texts, classes = rows(40, 50, 1)
    for count in (500, 1000, 1500):  # 10, 20 and 30 rows of each class
        before = divide(texts[:count], classes[:count])
        after = divide(texts, classes)[:count]
        moved = [n for n in range(count) if before[n] != after[n]]
        # Half of a class is for training: where chance leaves less, some texts come back to it.
        counts = collections.Counter(
            c
            for c, text in zip(classes[:count], texts, strict=False)
            if by_threshold(text) == TRAIN
        )
        short = {c for c in range(50) if counts[c] < count // 50 // 2}
        assert all(by_threshold(texts[n]) == TRAIN or classes[n] in short for n in moved)
        assert len(moved) < 0.08 * count


def test_spellings_of_one_text_are_on_one_side():
    texts = [f"The film {n}!" for n in range(300)]
    spellings = [f(t) for t in texts for f in (str, str.upper, "  {}<br />".format, "{}..".format)]
    sides = divide(spellings, [0, 0, 1, 1] * 300).reshape(300, 4)
    assert (sides == sides[:, :1]).all()
    assert (sides == TRAIN).mean() > 0.75


def test_what_is_given_stays_and_what_is_missing_is_drawn_from_the_rest():
    texts, classes = rows(40, 3, 1)
    given = [TEST if n < 30 else OPEN for n in range(len(texts))]
    sides = divide(texts, classes, given)
    assert (sides[:30] == TEST).all()
    assert {*sides[30:].tolist()} == {TRAIN, EVAL}
    all_given = [n % 3 for n in range(len(texts))]
    assert divide(texts, classes, all_given).tolist() == all_given


def test_a_text_of_two_classes_is_on_one_side():
    texts = [f"text {n // 2}" for n in range(60)]
    sides = divide(texts, [0, 1] * 30).reshape(30, 2)
    assert (sides[:, 0] == sides[:, 1]).all()
    assert {*sides[:, 0].tolist()} == {TRAIN, EVAL, TEST}


def test_the_latest_rows_are_for_testing():
    times = np.array([*range(100)], np.int64)[::-1].copy()
    sides = splits.by_time(times, np.full(100, OPEN, np.uint8))
    assert sides.tolist() == [TEST] * 10 + [EVAL] * 10 + [TRAIN] * 80
    same = splits.by_time(np.array([1] * 80 + [2] * 5 + [3] * 15), np.full(100, OPEN, np.uint8))
    assert same.tolist() == [TRAIN] * 80 + [EVAL] * 5 + [TEST] * 15
    with pytest.raises(InputError, match="too few different times"):
        splits.by_time(np.zeros(50, np.int64), np.full(50, OPEN, np.uint8))


@pytest.mark.parametrize(
    ("name", "side"), [(" Train", TRAIN), ("validation", EVAL), ("DEV", EVAL), ("test", TEST)]
)
def test_sides_have_usual_names(name, side):
    assert splits.side_named(name) == side
    assert splits.side_named("holdout") is None
