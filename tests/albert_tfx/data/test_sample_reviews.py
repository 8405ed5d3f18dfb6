"""The sample reviews are found by name, offline, and hold what their features promise."""

import pytest
import tensorflow_datasets as tfds

from albert_tfx.data import sample_reviews


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    builder = tfds.builder("sample_reviews", data_dir=tmp_path_factory.mktemp("tfds"))
    builder.download_and_prepare()
    return builder


@pytest.fixture(scope="module")
def splits(builder):
    return {
        split: list(tfds.as_numpy(builder.as_dataset(split=split))) for split in ("train", "test")
    }


def test_importing_the_module_registers_the_builder(builder):
    assert isinstance(builder, sample_reviews.SampleReviews)


def test_release_notes_cover_the_version(builder):
    assert str(builder.VERSION) in builder.RELEASE_NOTES


def test_supervised_pair_is_text_and_class(builder):
    assert builder.info.supervised_keys == ("text", "label")
    assert builder.info.features["label"].names == list(sample_reviews.LABELS)


def test_there_are_enough_reviews(splits):
    assert len(splits["train"]) >= 4000
    assert len(splits["test"]) >= 1000


def test_both_classes_are_as_frequent(splits):
    for examples in splits.values():
        assert 2 * sum(example["label"] for example in examples) == len(examples)


def test_no_review_occurs_twice(splits):
    texts = [example["text"] for examples in splits.values() for example in examples]
    assert len(set(texts)) == len(texts)


def test_lengths_are_within_the_promised_range(splits):
    lengths = [len(e["text"].split()) for examples in splits.values() for e in examples]
    assert min(lengths) >= 20
    assert max(lengths) <= 250


def test_other_reviews_are_another_data_set(tmp_path, monkeypatch):
    """An older copy in TFDS's folder must never be taken for these reviews."""
    before = sample_reviews._content_hash()
    (tmp_path / "train.jsonl").write_text("{}\n")
    (tmp_path / "test.jsonl").write_text("{}\n")
    monkeypatch.setattr(sample_reviews, "_file", lambda split: tmp_path / f"{split}.jsonl")
    assert sample_reviews._content_hash() != before
