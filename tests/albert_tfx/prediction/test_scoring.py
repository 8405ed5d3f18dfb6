"""Texts to score: how they are stored, when they are reused, how the answers come back."""

import csv
import gzip
import os
import random
import re
from pathlib import Path

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from albert_tfx.data import tfds_source
from albert_tfx.errors import InputError
from albert_tfx.options import DatasetOptions, FileOptions, TextsToScore
from albert_tfx.prediction import scoring
from tests.support import data, kills

TEXTS = ["one, two", "", 'three "four"', "日本語"]


def stored(texts: TextsToScore) -> list[tuple[int, str]]:
    (file,) = Path(texts.folder).iterdir()
    records = tf.data.TFRecordDataset(str(file), "GZIP").as_numpy_iterator()
    features = [tf.train.Example.FromString(record).features.feature for record in records]
    return [
        (f["row"].int64_list.value[0], f["text"].bytes_list.value[0].decode()) for f in features
    ]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "new reviews.txt"
    path.write_text("\n".join(TEXTS) + "\n")
    return path


@pytest.fixture
def texts(file: Path, tmp_path: Path) -> TextsToScore:
    return scoring.from_file(file, tmp_path / "scoring", FileOptions())


def test_a_files_texts_are_stored_with_their_rows(texts: TextsToScore):
    assert stored(texts) == list(enumerate(TEXTS))
    assert texts.name == "new reviews"


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("new_reviews.csv", "new_reviews"),
        ("reviews.2024.csv", "reviews.2024"),
        ("reviews.2025.CSV", "reviews.2025"),
        ("reviews.v1.jsonl.gz", "reviews.v1"),
        ("a.tsv", "a"),
        ("a.ndjson", "a"),
        ("a.txt.gz", "a"),
        ("a.2024", "a.2024"),
        ("评论.txt", "评论"),
    ],
)
def test_a_files_predictions_are_called_as_it_is(tmp_path: Path, file_name: str, name: str):
    path = tmp_path / file_name
    content = b'{"text": "one"}\n' if "json" in file_name else b"text\none\n"
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    texts = scoring.from_file(path, tmp_path / "scoring", FileOptions())
    assert texts.name == name
    assert re.fullmatch(r"\w+-[0-9a-f]{16}", Path(texts.folder).name, re.ASCII)


def test_an_unchanged_file_is_reused_and_a_changed_one_is_not(file: Path, texts, tmp_path: Path):
    (written,) = Path(texts.folder).iterdir()
    before = written.stat().st_mtime_ns
    assert scoring.from_file(file, tmp_path / "scoring", FileOptions()) == texts
    assert written.stat().st_mtime_ns == before
    file.write_text("another")
    assert stored(scoring.from_file(file, tmp_path / "scoring", FileOptions())) == [(0, "another")]


def test_the_same_bytes_read_otherwise_are_other_texts(tmp_path: Path):
    for name, rows in (("a.txt", ["text", "good"]), ("a.csv", ["good"])):
        path = tmp_path / name
        path.write_text("text\ngood\n")
        texts = scoring.from_file(path, tmp_path / "scoring", FileOptions())
        assert [text for _, text in stored(texts)] == rows


def test_what_a_killed_process_of_the_same_number_left_is_replaced(
    file: Path, texts: TextsToScore, tmp_path: Path
):
    left = Path(f"{texts.folder}.{os.getpid()}")
    Path(texts.folder).rename(left)
    (left / "other").touch()
    again = scoring.from_file(file, tmp_path / "scoring", FileOptions())
    assert stored(again) == list(enumerate(TEXTS))
    assert not left.exists()


def test_a_file_that_cannot_be_read_leaves_nothing_behind(file: Path, tmp_path: Path):
    for content, message in ((b"good\n\xff\n", "line 2 is not UTF-8"), (b"", "There is no text")):
        file.write_bytes(content)
        with pytest.raises(InputError, match=message):
            scoring.from_file(file, tmp_path / "scoring", FileOptions())
        assert not list((tmp_path / "scoring").iterdir())


def test_a_split_is_scored_in_the_order_it_is_stored_in(tmp_path: Path):
    rows = data.reviews(40)
    folder = data.store_dataset(tmp_path, train=rows, unlabelled=rows[::-1], test=rows[:10])
    options = DatasetOptions(str(folder), None, "train[:20]", "train[20:]", "test")
    dataset = tfds_source.resolve(options)
    texts = scoring.from_split(dataset, "unlabelled[:50%]", tmp_path / "scoring")
    stored_order = [
        row["text"].decode()
        for row in tfds.as_numpy(dataset.builder.as_dataset(split="unlabelled[:50%]"))
    ]
    assert stored(texts) == list(enumerate(stored_order))
    assert re.fullmatch(r"unlabelled_50-[0-9a-f]{8}", texts.name)


def test_each_split_has_predictions_of_its_own(tmp_path: Path):
    rows = data.reviews(40)
    folder = data.store_dataset(tmp_path, train=rows, test=rows[:20])
    options = DatasetOptions(str(folder), None, "train[:20]", "train[20:]", "test")
    dataset = tfds_source.resolve(options)
    splits = ["test", "test[:5]", "test[5:]", "test[:5%]", "test[:50%]", "test[:5]+train[:5]"]
    names = [scoring.from_split(dataset, split, tmp_path / "scoring").name for split in splits]
    assert names[0] == "test"
    assert len(set(names)) == len(splits)
    assert all(re.fullmatch(r"[\w-]+", name) for name in names)


def test_what_is_neither_a_file_nor_a_split_is_refused(tmp_path: Path):
    rows = data.reviews(20)
    folder = data.store_dataset(tmp_path, train=rows, test=rows[:4])
    options = DatasetOptions(str(folder), None, "train[:10]", "train[10:]", "test")
    with pytest.raises(InputError, match=r"'new\.csv' is neither a file nor a split .*train \(20"):
        scoring.from_split(tfds_source.resolve(options), "new.csv", tmp_path / "scoring")


def answer(folder: Path, texts: list[str]) -> str:
    """Writes what BulkInferrer makes of `texts`, in two files and in another order."""
    order = random.Random(1).sample(range(len(texts)), len(texts))
    split = folder / "Split-score"
    split.mkdir(parents=True)
    for part in range(2):
        with tf.io.TFRecordWriter(str(split / f"examples-{part}.gz"), "GZIP") as writer:
            for row in order[part::2]:
                example = tf.train.Example()
                feature = example.features.feature
                feature["row"].int64_list.value.append(row)
                feature["text"].bytes_list.value.append(texts[row].encode())
                feature["labels"].bytes_list.value.extend([b"bad", b"good"])
                feature["probabilities"].float_list.value.extend([1 - row / 10, row / 10])
                feature["label"].bytes_list.value.append(b"unsure" if row == 2 else b"bad")
                feature["score"].float_list.value.append(1 - row / 10)
                writer.write(example.SerializeToString())
    return str(folder)


def test_answers_come_back_in_the_order_of_the_texts(texts: TextsToScore, tmp_path: Path):
    target = tmp_path / "predictions" / "new_reviews.csv"
    assert scoring.publish(texts, answer(tmp_path / "scored", TEXTS), target) == 4
    assert list(csv.reader(target.open(encoding="utf-8", newline=""))) == [
        ["text", "label", "probability", "score"],
        ["one, two", "bad", "1.000000", "1.000000"],
        ["", "bad", "0.900000", "0.900000"],
        ['three "four"', "unsure", "0.800000", "0.800000"],
        ["日本語", "bad", "0.700000", "0.700000"],
    ]
    assert [path.name for path in target.parent.iterdir()] == ["new_reviews.csv"]


def publish(texts_folder: str, scored: str, target: str) -> None:
    scoring.publish(TextsToScore(texts_folder, "reviews"), scored, Path(target))


@pytest.mark.slow
@pytest.mark.parametrize("earlier", ["", "of the run before"])
def test_predictions_whose_writing_is_killed_at_any_step_are_whole_or_as_before(
    texts: TextsToScore, tmp_path: Path, earlier: str
):
    scored, target = tmp_path / "answers", tmp_path / "reviews.csv"
    answer(scored, TEXTS)
    publish(texts.folder, str(scored), str(target))
    whole, killed = target.read_text(), 0
    target.unlink()
    if earlier:
        target.write_text(earlier)
    for _ in kills.at_each_step(publish, texts.folder, scored, target):
        killed += 1
        assert (target.read_text() if target.exists() else "") in (earlier, whole)
        publish(texts.folder, str(scored), str(target))
        assert target.read_text() == whole
        target.write_text(earlier) if earlier else target.unlink()
    assert killed > 3
    assert target.read_text() == whole


def test_nothing_scored_touches_nothing(texts: TextsToScore, tmp_path: Path):
    target = tmp_path / "predictions.csv"
    target.write_text("earlier")
    (tmp_path / "scored").mkdir()
    assert scoring.publish(texts, str(tmp_path / "scored"), target) == 0
    assert target.read_text() == "earlier"


def scored_from(source: str, name: str = "reviews") -> TextsToScore:
    return TextsToScore("folder", name, source)


def test_two_files_of_one_stem_have_a_file_each(tmp_path: Path):
    first, second = scored_from("/a/reviews.csv"), scored_from("/b/reviews.csv")
    targets = [scoring.target(tmp_path, each) for each in (first, second, first, second)]
    assert targets[:2] == targets[2:]
    assert targets[0] == tmp_path / "reviews.csv"
    assert targets[1].name.startswith("reviews-")


def test_a_file_of_somebody_elses_is_not_replaced(tmp_path: Path):
    (tmp_path / "reviews.csv").write_text("mine")
    assert scoring.target(tmp_path, scored_from("/a/reviews.csv")).name != "reviews.csv"


def test_files_of_one_stem_differ_by_where_they_lie(tmp_path: Path):
    sources = set()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "reviews.txt").write_text("one text\n")
        path = tmp_path / folder / "reviews.txt"
        sources.add(scoring.from_file(path, tmp_path / "scoring", FileOptions()).source)
    assert sources == {str(tmp_path / folder / "reviews.txt") for folder in ("a", "b")}
