"""Which labels are one class."""

import pytest

from albert_tfx.data.labelled import labels
from albert_tfx.errors import InputError
from albert_tfx.options import FileOptions


def classes(rows, **options):
    found = labels.classes_of(rows, FileOptions(**options))
    return {label: found.names[place] for label, place in found.of_label.items()}, found.remarks


def test_numbers_of_one_value_are_one_class():
    of_label, remarks = classes({"1": 2, "1.0": 5, "0": 3, "0.00": 1, "-1.50": 1, "-1.5": 1})
    assert of_label == {
        "1": "1.0", "1.0": "1.0", "0": "0", "0.00": "0", "-1.50": "-1.5", "-1.5": "-1.5"
    }  # fmt: skip
    assert "'1' (2) and '1.0' (5)" in remarks[0]


@pytest.mark.parametrize("pair", [("01", "1"), ("1.1", "1.10x"), ("1", "one"), ("1" * 5000, "0")])
def test_others_are_not(pair):
    of_label, remarks = classes(dict.fromkeys(pair, 9))
    assert (len(set(of_label.values())), remarks) == (2, ())


@pytest.mark.parametrize(
    "pair",
    [
        ("High", "high"),
        ("caf\u00e9", "cafe\u0301"),
        ("good", "go\u200bod"),
        ("good", "\ufeffgood"),
        ("good", "good\0"),
        ("so so", "so\u00a0so"),
        ("\u2764", "\u2764\ufe0f"),
        ("\u845b", "\u845b\U000e0100"),
        ("good", "go\u034fod"),
        ("good", "\u3164good"),
    ],
)
def test_labels_that_look_alike_are_listed_or_joined(pair):
    rows = {pair[0]: 5, pair[1]: 4, "other": 9}
    of_label, [remark] = classes(rows)
    assert len(set(of_label.values())) == 3
    assert remark.endswith("--merge-labels joins them")
    of_label, [remark] = classes(rows, merge_labels=True)
    assert of_label[pair[1]] == of_label[pair[0]] == pair[0]
    assert remark.startswith("labels joined: ")


def test_what_a_reader_would_not_see_is_escaped():
    _, [remark] = classes({"good": 5, "go\u200bod": 4})
    assert r"'go\u200bod' (4)" in remark


def test_a_long_label_is_cut_where_it_is_shown():
    _, [remark] = classes({"1" * 5000: 5, "2": 20, "3": 30}, min_rows_per_class=10)
    assert f"left out: '{'1' * 60}…' (5)" in remark


def test_rare_labels_are_left_out_or_made_one_class_by_name():
    rows = {"a": 30, "b": 20, "c": 3, "d": 1}
    of_label, [remark] = classes(rows, min_rows_per_class=10)
    assert of_label == {"a": "a", "b": "b"}
    assert remark == "labels of fewer than 10 rows, left out: 'c' (3); 'd' (1)"
    of_label, _ = classes(rows, min_rows_per_class=10, rare_label="rest")
    assert of_label == {"a": "a", "b": "b", "c": "rest", "d": "rest"}
    with pytest.raises(InputError, match="No label has 99 rows"):
        classes(rows, min_rows_per_class=99)
