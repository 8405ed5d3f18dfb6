"""The user's own file: how it is split, when it is reused, what is refused."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
import tensorflow_datasets as tfds

from albert_tfx.data import tfds_source
from albert_tfx.data.labelled import dataset as own_file
from albert_tfx.errors import InputError
from albert_tfx.options import FileOptions

ROWS = [(f"text {index}, and more", f"{index % 2}") for index in range(300)]


def csv(path: Path, rows=ROWS, header="text,label", ending="\n") -> Path:
    lines = [header, *(f'"{text}",{label}' for text, label in rows)]
    path.write_text("".join(line + ending for line in lines), encoding="utf-8")
    return path


def prepare_text_file(path: Path, *text_column: str, data_dir: Path, **options):
    given = FileOptions(csv=str(path), text_column=text_column, **options)
    return own_file.prepare(given, data_dir).dataset


def jsonl(path: Path, records) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def split_of_text(options) -> dict[str, str]:
    builder = tfds.builder_from_directory(options.name)
    return {
        row["text"].decode(): split
        for split in ("train", "eval", "test")
        for row in tfds.as_numpy(builder.as_dataset(split=split))
    }


def label_of_text(options) -> dict[str, str]:
    dataset = tfds_source.resolve(options)
    return {
        row["text"].decode(): dataset.class_names[row["label"]]
        for split in dataset.splits.values()
        for row in tfds.as_numpy(dataset.builder.as_dataset(split=split))
    }


def test_every_row_is_stored_once_in_one_of_three_splits(tmp_path):
    dataset = tfds_source.resolve(prepare_text_file(csv(tmp_path / "a.csv"), data_dir=tmp_path))

    assert dataset.class_names == ("0", "1")
    assert sum(dataset.num_examples.values()) == len(ROWS)
    assert dataset.num_examples["train"] > 4 * max(
        dataset.num_examples["eval"], dataset.num_examples["test"]
    )


def test_labels_keep_to_their_texts(tmp_path):
    options = prepare_text_file(csv(tmp_path / "a.csv"), data_dir=tmp_path)

    assert label_of_text(options) == dict(ROWS)


def test_split_follows_from_the_text_alone(tmp_path):
    small = split_of_text(prepare_text_file(csv(tmp_path / "a.csv"), data_dir=tmp_path))
    grown = [(f"another {index}", "1") for index in range(50)] + ROWS[::-1]
    large = split_of_text(prepare_text_file(csv(tmp_path / "b.csv", grown), data_dir=tmp_path))

    assert small == {text: large[text] for text in small}


def test_equal_texts_never_part(tmp_path):
    repeated = [row for row in ROWS for _ in range(3)]
    options = prepare_text_file(csv(tmp_path / "a.csv", repeated), data_dir=tmp_path)

    builder = tfds.builder_from_directory(options.name)
    texts = [
        {row["text"] for row in tfds.as_numpy(builder.as_dataset(split=split))}
        for split in ("train", "eval", "test")
    ]
    assert sum(map(len, texts)) == len(set.union(*texts)) == len(ROWS)


def test_unchanged_file_is_reused_and_a_changed_one_is_not(tmp_path):
    path = csv(tmp_path / "a.csv")
    first = prepare_text_file(path, data_dir=tmp_path)
    record = Path(first.name, "dataset_info.json")
    before = record.stat().st_mtime_ns
    second = prepare_text_file(path, data_dir=tmp_path)
    third = prepare_text_file(csv(path, ROWS[1:]), data_dir=tmp_path)

    assert first == second != third
    assert record.stat().st_mtime_ns == before


def test_other_columns_are_another_data_set(tmp_path):
    path = csv(tmp_path / "a.csv", header="text,label")
    swapped = jsonl(tmp_path / "b.jsonl", [{"a": t, "b": t[::-1], "label": lab} for t, lab in ROWS])

    first = prepare_text_file(swapped, "a", data_dir=tmp_path)
    second = prepare_text_file(swapped, "b", data_dir=tmp_path)

    assert len({first.name, second.name, prepare_text_file(path, data_dir=tmp_path).name}) == 3


@pytest.mark.parametrize("header", ["Review,sentiment", "sentence,CLASS", "content, target"])
def test_usual_column_names_are_guessed(tmp_path, header):
    options = prepare_text_file(csv(tmp_path / "a.csv", header=header), data_dir=tmp_path)

    assert label_of_text(options) == dict(ROWS)


def test_tsv_gzip_byte_order_mark_and_windows_line_ends(tmp_path):
    content = "\r\n".join(["text\tlabel", *(f"{text}\t{label}" for text, label in ROWS), ""])
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(content.encode("utf-8-sig")))

    assert label_of_text(prepare_text_file(path, data_dir=tmp_path)) == dict(ROWS)


def test_words_that_pandas_takes_for_missing_are_texts(tmp_path):
    words = [("NA", "1"), ("null", "0"), ("None", "1")]

    options = prepare_text_file(csv(tmp_path / "a.csv", ROWS + words), data_dir=tmp_path)

    assert label_of_text(options) == dict(ROWS + words)


def test_a_nul_is_kept_in_texts_and_labels(tmp_path):
    rows = [(f"{index} a\0b\0", ("x\0", "x")[index % 2]) for index in range(300)]

    options = prepare_text_file(csv(tmp_path / "a.csv", rows), data_dir=tmp_path)

    assert label_of_text(options) == dict(rows)


def test_a_whole_number_may_be_too_long_for_python(tmp_path):
    rows = [(text, "1" * 5000 if label == "1" else "0") for text, label in ROWS]

    options = prepare_text_file(csv(tmp_path / "a.csv", rows), data_dir=tmp_path)

    assert tfds_source.resolve(options).class_names == ("0", "1" * 5000)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ((False, True), ("false", "true")),
        ((10, 9), ("9", "10")),
        (("ham ", " spam"), ("ham", "spam")),
        ((-1, 1), ("-1", "1")),
    ],
)
def test_json_labels_become_sorted_class_names(tmp_path, labels, classes):
    records = [{"text": f"t {i}", "label": labels[i % 2]} for i in range(300)]

    options = prepare_text_file(jsonl(tmp_path / "a.jsonl", records), data_dir=tmp_path)

    assert tfds_source.resolve(options).class_names == classes


def refuses(tmp_path: Path, path: Path, pattern: str, **columns: Any) -> None:
    with pytest.raises(InputError, match=pattern) as refusal:
        own_file.prepare(FileOptions(csv=str(path), **columns), tmp_path / "data")
    assert str(path) in refusal.value.cause
    assert not (tmp_path / "data").exists()


def test_missing_file(tmp_path):
    refuses(tmp_path, tmp_path / "none.csv", "does not exist")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_empty_file(tmp_path, name):
    (tmp_path / name).write_text("")
    refuses(tmp_path, tmp_path / name, "is empty|has no rows")


def test_header_alone(tmp_path):
    refuses(tmp_path, csv(tmp_path / "a.csv", []), "has no rows")


def test_unknown_kind(tmp_path):
    refuses(tmp_path, csv(tmp_path / "a.xlsx"), r"unknown kind '\.xlsx'.*\.csv, \.tsv, \.jsonl")


def test_broken_gzip(tmp_path):
    refuses(tmp_path, csv(tmp_path / "a.csv.gz"), "cannot be read")


def test_other_encoding_names_the_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("text,label\ngut,1\nschön,0\n".encode("latin-1"))
    refuses(tmp_path, path, r"line 3 is not UTF-8: it has the byte 0xf6.*--encoding windows-1252")


def test_missing_column_lists_and_guesses(tmp_path):
    path = csv(tmp_path / "a.csv", header="texts,labels")
    refuses(tmp_path, path, r"no column 'text'; it has texts, labels.*--text-column.*'texts'")
    refuses(tmp_path, path, r"no column 'label'.*mean 'labels'", text_column=("texts",))
    refuses(tmp_path, path, r"no column 'txts'.*mean 'texts'", text_column=("txts",))


def test_one_column_is_not_both_text_and_label(tmp_path):
    path = csv(tmp_path / "a.csv", header="text,label")
    refuses(tmp_path, path, r"'label' cannot be both.*--text-column", text_column=("label",))


def test_two_columns_that_could_be_the_text(tmp_path):
    records = [{"review": "a", "content": "b", "label": 1}] * 20
    refuses(tmp_path, jsonl(tmp_path / "a.jsonl", records), "no column 'text'.*--text-column")


@pytest.mark.parametrize(
    ("row", "column"), [('"",1', "text"), ('" ",1', "text"), ("good,", "label"), ("good", "label")]
)
def test_empty_cells_name_their_rows(tmp_path, row, column):
    path = tmp_path / "a.csv"
    path.write_text(f"text,label\na,1\n\n{row}\nb,0\n{row}\n")
    refuses(tmp_path, path, rf"column '{column}' is empty or missing: 2 rows \(4, 6\)")


def test_many_empty_cells_name_the_first_five(tmp_path):
    path = csv(tmp_path / "a.csv", [(" ", "1")] * 7)
    refuses(tmp_path, path, r"7 rows \(2, 3, 4, 5, 6, …\)")


def test_json_null_and_absent_keys_are_missing(tmp_path):
    records = [{"text": "a", "label": 1}, {"text": None, "label": 0}, {"label": 0}]
    refuses(tmp_path, jsonl(tmp_path / "a.jsonl", records), r"'text' is empty .*\(2, 3\)")


def test_nested_json_is_refused(tmp_path):
    records = [{"text": "a", "label": 1}, {"text": ["b"], "label": 0}]
    refuses(tmp_path, jsonl(tmp_path / "a.jsonl", records), r"'text' holds lists .*\(2\)")


@pytest.mark.parametrize("line", ['{"text": "a", "label"', "[1, 2]"])
def test_malformed_json_names_the_line(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": "a", "label": 1}}\n\n{line}\n')
    refuses(tmp_path, path, "line 3 is not")


@pytest.mark.parametrize("rows", ["a, b,1\nc,0\n", "a,1\nb, c,0\n"])
def test_unquoted_separators_are_refused(tmp_path, rows):
    path = tmp_path / "a.csv"
    path.write_text(f"text,label\n{rows}")
    refuses(tmp_path, path, "line [23] ends a row of 3 cells, and the header has 2.*quotes")


def test_stray_quotes_are_refused_and_swallow_no_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,label\na,1\n"b" c,0\n')
    refuses(tmp_path, path, "line 3 is malformed.*double")


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    refuses(tmp_path, tmp_path / "a.csv", "is a pipe, which can be read only once")


def test_one_class(tmp_path):
    path = csv(tmp_path / "a.csv", [(text, "1") for text, _ in ROWS])
    refuses(tmp_path, path, "one label only, '1'.*--label-column")


def test_too_many_classes(tmp_path):
    path = csv(tmp_path / "a.csv", [(text, f"{index}") for index, (text, _) in enumerate(ROWS)])
    refuses(
        tmp_path, path, "few rows of label '0', .* and 295 more: 1 of 10.*--min-rows-per-class 10"
    )


def test_rare_class(tmp_path):
    path = csv(tmp_path / "a.csv", [*ROWS, ("odd one", "2")])
    refuses(tmp_path, path, "few rows of label '2': 1 of 10.*--min-rows-per-class 10")


def test_too_few_rows(tmp_path):
    refuses(tmp_path, csv(tmp_path / "a.csv", ROWS[:2]), "too few rows of label '0', '1': 1 of 10")


def counts(options) -> dict[str, int]:
    info = tfds.builder_from_directory(options.name).info
    return {split: each.num_examples for split, each in info.splits.items()}


def test_files_of_each_split_are_read_as_given(tmp_path):
    train = csv(tmp_path / "train.csv", ROWS[:200])
    test = csv(tmp_path / "test.csv", ROWS[200:])
    options = prepare_text_file(train, data_dir=tmp_path, test_csv=str(test))
    sides = split_of_text(options)
    assert {sides[text] for text, _ in ROWS[200:]} == {"test"}
    assert {sides[text] for text, _ in ROWS[:200]} == {"train", "eval"}


def test_a_column_says_the_split_and_what_lacks_a_class_is_said(tmp_path):
    rows = [(text, f"{label},{('Train', 'dev', 'TEST')[n % 3]}") for n, (text, label) in
            enumerate(ROWS)]  # fmt: skip
    path = csv(tmp_path / "a.csv", [*rows, ("odd", "2,train")], header="text,label,part")
    given = FileOptions(csv=str(path), split_column="part")
    prepared = own_file.prepare(given, tmp_path / "data")
    assert counts(prepared.dataset) == {"train": 101, "eval": 100, "test": 100}
    assert prepared.remarks == (
        "the eval split has no row of label '2'",
        "the test split has no row of label '2'",
    )
    refuses(tmp_path / "b", csv(path, [("a", "0,holdout")], header="text,label,part"),
            "says 'holdout' in row 2.*validation", split_column="part")  # fmt: skip


def test_groups_are_never_divided_and_the_latest_are_for_testing(tmp_path):
    rows = [(text, f"{label},g{n % 40},2026-01-{1 + n // 12:02}") for n, (text, label) in
            enumerate(ROWS)]  # fmt: skip
    path = csv(tmp_path / "a.csv", rows, header="text,label,customer,day")
    sides = split_of_text(prepare_text_file(path, data_dir=tmp_path, group_column="customer"))
    found = [{sides[text] for text, _ in ROWS[group::40]} for group in range(40)]
    assert all(len(each) == 1 for each in found)
    assert set.union(*found) == {"train", "eval", "test"}
    sides = split_of_text(prepare_text_file(path, data_dir=tmp_path, time_column="day"))
    assert [text for text, _ in ROWS if sides[text] == "test"] == [text for text, _ in ROWS[-36:]]


def test_what_lacks_a_cell_and_what_is_rare_is_left_out_on_request(tmp_path):
    path = csv(tmp_path / "a.csv", [*ROWS, ("", "1"), ("odd", "2"), ("no label", "")])
    given = FileOptions(csv=str(path), skip_empty=True, min_rows_per_class=10)
    prepared = own_file.prepare(given, tmp_path / "data")
    assert sum(counts(prepared.dataset).values()) == len(ROWS)
    assert prepared.remarks == (
        "a.csv: 2 rows lack a cell, and are left out",
        "labels of fewer than 10 rows, left out: '2' (1)",
    )
    assert own_file.prepare(given, tmp_path / "data") == prepared
