"""The curated schema, and what may be made of it."""

import pytest

from albert_tfx.data import schema
from albert_tfx.errors import InputError


def test_curated_schema_is_binary():
    assert schema.class_names(schema.load(schema.CURATED)) == ("negative", "positive")


def test_other_classes_change_domain_and_tags_only():
    three = schema.for_classes(["bad", "fair", "good"])

    label = next(feature for feature in three.feature if feature.name == "label")
    assert schema.class_names(three) == ("bad", "fair", "good")
    assert (label.int_domain.min, label.int_domain.max) == (0, 2)
    assert schema.for_classes(["negative", "positive"]) == schema.load(schema.CURATED)


def test_path_follows_the_content(tmp_path):
    two = schema.write(schema.for_classes(["a", "b"]), tmp_path / "schemas")
    again = schema.write(schema.for_classes(["a", "b"]), tmp_path / "schemas")
    other = schema.write(schema.for_classes(["a", "c"]), tmp_path / "schemas")

    assert two == again != other
    assert schema.class_names(schema.load(other)) == ("a", "c")
    assert sorted((tmp_path / "schemas").iterdir()) == sorted([two, other])


def test_missing_schema_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.pbtxt.*cannot be read"):
        schema.load(tmp_path / "none.pbtxt")


def test_malformed_schema_names_the_place(tmp_path):
    path = tmp_path / "bad.pbtxt"
    path.write_text("feature {\n  nmae: 'text'\n}\n")

    with pytest.raises(InputError, match=r"malformed: 2:3.*nmae"):
        schema.load(path)


@pytest.mark.parametrize("tags", [[], ["one"], ["one", "two", "three"]])
def test_tags_must_match_the_domain(tags):
    binary = schema.for_classes(["a", "b"])
    binary.feature[1].annotation.tag[:] = tags

    with pytest.raises(InputError, match="one tag"):
        schema.class_names(binary)


def test_label_must_exist():
    binary = schema.for_classes(["a", "b"])
    del binary.feature[1]

    with pytest.raises(InputError, match="no feature 'label'"):
        schema.class_names(binary)


@pytest.mark.parametrize(
    ("names", "wanted", "order"),
    [
        (["b", "a"], None, ["b", "a"]),
        (["1.5", "-2", "10", "9"], None, ["-2", "1.5", "9", "10"]),
        (["10", "9", "none"], None, ["10", "9", "none"]),
        (["Fri", "Mon", "Tue"], "Mon,Tue,Fri", ["Mon", "Tue", "Fri"]),
        (["high", "low", "mid"], " low ", ["low", "high", "mid"]),
        (["a, b", "c"], 'c,"a, b"', ["c", "a, b"]),
        (["10", "9", "8"], "9", ["9", "8", "10"]),
    ],
)
def test_classes_are_shown_as_asked_else_by_value(names, wanted, order):
    assert schema.display_order(names, wanted) == order


@pytest.mark.parametrize(
    ("wanted", "cause"),
    [("low,medium", "'medium' and no such class"), ("low,low", "'low' twice"), ("a,,b", "''")],
)
def test_an_order_of_other_classes_is_refused(wanted, cause):
    with pytest.raises(InputError, match=cause):
        schema.display_order(["low", "a", "b"], wanted)
