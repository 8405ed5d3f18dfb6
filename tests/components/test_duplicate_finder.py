"""DuplicateFinder: what it finds, takes out and leaves in its place."""

import json
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that, equal_to
from tfx.types import artifact_utils, standard_artifacts

from albert_tfx.data.duplicates.report import SplitSizes, load_duplicates
from albert_tfx.data.lengths import count_words
from albert_tfx.data.records import split_folder
from albert_tfx.errors import InputError
from components.duplicate_finder import DuplicateFinder
from tests.support import artifacts
from tests.support.data import IN_PROCESS, TWO_PROCESSES

SPLITS = ("train", "eval", "test")


def long_text(seed: int) -> str:
    """Returns 80 words that no other seed has."""
    return " ".join(f"w{seed}x{index}" for index in range(80))


def changed(text: str, *places: int) -> str:
    """Returns `text` with a letter more on each of these words."""
    words = text.split()
    return " ".join(word + "s" * (index in places) for index, word in enumerate(words))


# A chain: each link is near to the next, but not to the one after that.
CHAIN = [long_text(9)]
for start in (0, 1, 2):
    CHAIN.append(changed(CHAIN[-1], 10 * start + 5, 10 * start + 40))

TEST_SPLIT = [
    ("Shared by all three.", 0),
    (long_text(1), 1),
    ("Test alone.", 0),
    ("Test alone.", 0),
    (long_text(3), 1),
    (changed(long_text(3), 20), 1),
    ("日本語の映画は素晴らしい", 1),
    ("", 0),
]
EVAL_SPLIT = [
    ("eval only, first", 0),
    ("shared BY all<br />three", 0),
    (changed(long_text(1), 40), 1),
    ("eval twice", 1),
    ("Eval: twice!", 1),
    ("good", 0),
    (CHAIN[0], 1),
    ("...", 0),
]
TRAIN_SPLIT = [
    ("train only, first", 0),
    ("Shared by all three", 0),
    (f"  {long_text(1).upper()}!", 1),
    (long_text(2), 0),
    ("goods", 1),
    ("Good?", 0),
    (changed(long_text(2), 40), 0),
    ("日本語の映画は素晴らしい。", 1),
    (CHAIN[2], 1),
    ("train only, second", 1),
    (CHAIN[1], 1),
    (" <br /> ", 0),
    ("train only, first", 1),
    ("!!!", 0),
    (CHAIN[3], 1),
]
LEFT = {
    "test": TEST_SPLIT,
    "eval": [EVAL_SPLIT[i] for i in (0, 3, 5, 6, 7)],
    "train": [TRAIN_SPLIT[i] for i in (0, 3, 4, 8, 9, 13)],
}


def execute(raw, folder: Path, keep: bool = False, beam_args: list[str] | None = None):
    """Runs the component alone, without a driver before it, as Kubeflow does."""
    examples, report = standard_artifacts.Examples(), standard_artifacts.ModelEvaluation()
    examples.uri, report.uri = str(folder / "examples"), str(folder / "report")
    DuplicateFinder.test_call(
        raw_examples=raw,
        examples=examples,
        report=report,
        options=json.dumps({"keep": keep}),
        beam_pipeline=beam.Pipeline(argv=beam_args or IN_PROCESS),
    )
    return examples, load_duplicates(report.uri)


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def save(folder: Path, **options):
    return artifacts.save_reviews(
        folder, train=TRAIN_SPLIT, eval=EVAL_SPLIT, test=TEST_SPLIT, **options
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("duplicates")


@pytest.fixture(scope="module")
def raw(folder):
    return save(folder / "raw", reviews_per_file=4)


@pytest.fixture(scope="module")
def found(raw, folder):
    return execute(raw, folder)


@pytest.mark.parametrize("split", SPLITS)
def test_what_repeats_an_earlier_review_goes_and_the_rest_stays_in_order(found, folder, split):
    assert artifacts.read_reviews(folder / "examples", split) == LEFT[split]


def test_nothing_in_test_is_touched(found, raw, folder):
    before, after = (files(each / "Split-test") for each in (folder / "raw", folder / "examples"))
    assert after == before


def test_exact_duplicates_are_counted_for_each_pair_of_splits(found):
    _, report = found
    assert report["exact"] == {
        "test": {"test": 1},
        "eval": {"test": 1, "eval": 1},
        "train": {"test": 4, "eval": 2, "train": 1},
    }


def test_equal_texts_of_two_labels_are_counted(found):
    _, report = found
    assert report["contradicting"] == {"train": {"train": 1}}


def test_near_duplicates_are_counted_for_each_pair_of_splits(found):
    _, report = found
    assert report["near"] == {
        "test": {"test": 1},
        "eval": {"test": 1},
        "train": {"eval": 1, "train": 3},
    }


def test_the_removed_and_the_kept_add_up_to_what_there_was(found, folder):
    _, report = found
    for split, reviews in (("train", TRAIN_SPLIT), ("eval", EVAL_SPLIT), ("test", TEST_SPLIT)):
        fates = report["reviews"][split]
        labels = [label for _, label in reviews]
        assert {int(label): sum(fates[label].values()) for label in fates} == {
            label: labels.count(label) for label in set(labels)
        }
        removed = sum(report["removed"][split].values())
        kept = sum(each["kept"] for each in fates.values())
        left = artifacts.read_reviews(folder / "examples", split)
        assert len(reviews) - removed == kept == len(left)
    assert report["removed"]["test"] == {"exact": 0, "near": 0}


def test_what_is_left_is_counted_and_measured(found, folder):
    sizes = SplitSizes.load(str(folder / "report"))
    assert sizes.examples == {split: len(left) for split, left in LEFT.items()}
    for split, left in LEFT.items():
        words = [count_words(text.encode()) for text, _ in left]
        assert sizes.words[split].longest == max(words)
        assert sizes.words[split].median == np.quantile(words, 0.5, method="nearest")


def test_pairs_say_where_both_stand_and_how_they_begin(found):
    _, report = found
    (pair,) = [p for p in report["pairs"] if p["kind"] == "near" and p["review"]["split"] == "eval"]
    assert pair["review"] == {
        "split": "eval",
        "file": "data_tfrecord-00000-of-00002.gz",
        "row": 2,
        "text": changed(long_text(1), 40)[:100],
    }
    assert pair["original"]["text"] == long_text(1)[:100]
    assert 0.8 <= pair["similarity"] < 1
    kinds = [(p["kind"], p["review"]["split"], p["original"]["split"]) for p in report["pairs"]]
    assert max(map(kinds.count, kinds)) == 3


def test_the_artifact_reads_as_the_one_before(found, raw):
    examples, _ = found
    assert json.loads(examples.split_names) == list(SPLITS)
    for name in ("payload_format", "file_format", "input_fingerprint"):
        assert examples.get_string_custom_property(name) == raw.get_string_custom_property(name)
    assert examples.get_int_custom_property("span") == 0


def test_splits_lie_where_tfx_looks_for_them(raw):
    for split in SPLITS:
        assert str(split_folder(raw.uri, split)) == artifact_utils.get_split_uri([raw], split)


def test_no_file_is_left_empty(tmp_path):
    """Beam cannot read one."""
    repeated = [("awful", 0), ("lovely", 1)]
    others = [("worse", 0), ("better", 1)]
    raw = artifacts.save_reviews(
        tmp_path / "raw", 2, train=repeated + others, eval=[("bad", 0), ("fine", 1)], test=repeated
    )
    execute(raw, tmp_path)
    (left,) = (tmp_path / "examples" / "Split-train").iterdir()
    assert left.name == "data_tfrecord-00001-of-00002.gz"
    with beam.Pipeline(argv=IN_PROCESS) as pipeline:
        pattern = str(tmp_path / "examples" / "Split-train" / "*")
        number = pipeline | beam.io.ReadFromTFRecord(pattern) | beam.combiners.Count.Globally()
        assert_that(number, equal_to([2]))


def test_counting_alone_keeps_every_review(raw, found, tmp_path):
    _, report = execute(raw, tmp_path, keep=True)
    assert files(tmp_path / "examples") == files(Path(raw.uri))
    assert report["keep"]
    assert [report[kind] for kind in ("exact", "near", "pairs")] == [
        found[1][kind] for kind in ("exact", "near", "pairs")
    ]
    assert {sum(kinds.values()) for kinds in report["removed"].values()} == {0}


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(raw, found, folder, tmp_path):
    execute(raw, tmp_path, beam_args=TWO_PROCESSES)
    for name in ("examples", "report"):
        assert files(tmp_path / name) == files(folder / name)


def test_a_split_without_a_class_left_is_refused(tmp_path):
    raw = artifacts.save_reviews(
        tmp_path / "raw",
        train=[("awful", 0), ("lovely", 1), ("lovely too", 1)],
        eval=[("bad", 0), ("fine", 1)],
        test=[("awful", 0), ("fine", 1)],
    )
    with pytest.raises(
        InputError,
        match=r"number 1, counted from 0, in the eval split .*\(1 in all\).*--keep-duplicates",
    ):
        execute(raw, tmp_path)
