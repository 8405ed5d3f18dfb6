import collections
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.modeling import batches

LENGTHS = [3, 64, 65, 100, 128, 5, 256, 200, 7, 129]


@pytest.fixture
def dataset() -> tf.data.Dataset:
    """Ten reviews; each one's ids and label are its index."""
    return tf.data.Dataset.from_generator(
        lambda: ((np.full(n, i, np.int32), i) for i, n in enumerate(LENGTHS)),
        output_signature=(tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int64)),
    )


def test_buckets_are_eighths_rounded_up():
    assert batches.bucket_lengths(256) == [32, 64, 96, 128, 160, 192, 224, 256]
    assert batches.bucket_lengths(30) == [4, 8, 12, 15, 19, 23, 27, 30]
    assert batches.bucket_lengths(3) == [1, 2, 3]


def test_a_length_goes_into_the_smallest_bucket_that_holds_it():
    buckets = [64, 128]
    assert [batches.bucket_of(n, buckets) for n in (1, 64, 65, 128)] == [64, 64, 128, 128]


def test_an_evaluation_pass_has_every_review_once_padded_to_its_bucket(dataset):
    buckets = batches.bucket_lengths(256)
    seen = []
    for ids, labels in batches.evaluation_batches(dataset, 4, buckets):
        for row, label in zip(ids.numpy(), labels.numpy(), strict=True):
            seen.append(int(label))
            assert len(row) == batches.bucket_of(LENGTHS[label], buckets)
            assert (row[: LENGTHS[label]] == label).all()
            assert (row[LENGTHS[label] :] == 0).all()
    assert sorted(seen) == list(range(10))


def test_training_batches_are_full_and_each_pass_has_every_review():
    vectors = tf.data.Dataset.range(10).map(lambda i: (tf.cast([i], tf.float32), i))
    labels = [y.numpy() for _, y in batches.training_batches(vectors, 5, seed=1).take(4)]
    assert all(len(y) == 5 for y in labels)
    assert collections.Counter(np.concatenate(labels).tolist()) == dict.fromkeys(range(10), 2)
    assert np.concatenate(labels[:2]).tolist() != np.concatenate(labels[2:]).tolist()


def test_the_seed_fixes_the_order(dataset):
    def order(seed: int) -> list[list[int]]:
        stream = batches.training_batches(dataset, 2, seed, batches.bucket_lengths(256))
        return [y.numpy().tolist() for _, y in stream.take(8)]

    assert order(1) == order(1)
    assert order(1) != order(2)


def save_examples(path: Path, features: Iterable[Mapping[str, Any]]) -> str:
    """Writes a file of `transformed_examples`, or of `embeddings`."""
    kinds = {"input_word_ids": "int64_list", "label": "int64_list", "text": "bytes_list"}
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for each in features:
            example = tf.train.Example()
            for name, values in each.items():
                kind = kinds.get(name, "float_list")
                getattr(example.features.feature[name], kind).value.extend(values)
            writer.write(example.SerializeToString())
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three files of 700 reviews, whose labels are their numbers; ids and vectors tell them too."""
    folder = tmp_path_factory.mktemp("files")
    reviews = [
        {
            "input_word_ids": [2, *[5 + n % 90] * (n % 60), 3],
            "pooled_output": [n, n + 0.5],
            "label": [n],
            "text": [b"review %d" % n],
        }
        for n in range(700)
    ]
    shares = (reviews[:400], reviews[400:401], reviews[401:])
    for number, share in enumerate(shares):
        save_examples(folder / f"{number}.gz", share)
    return [f"{folder}/*.gz"]


def test_all_ways_of_reading_give_every_review_in_the_same_order(files: list[str]):
    texts, labels = batches.read_texts(files)
    assert sorted(labels) == list(range(700))
    assert texts == [b"review %d" % n for n in labels]
    assert batches.read_labels(files).tolist() == labels.tolist()
    for n, (ids, label) in zip(labels, batches.read_token_ids(files), strict=True):
        real = [2, *[5 + n % 90] * (n % 60), 3]
        assert ids[: len(real)].numpy().tolist() == real
        assert not ids[len(real) :].numpy().any()
        assert label == n
    for n, (vector, label) in zip(labels, batches.read_embeddings(files, 2), strict=True):
        assert (vector.numpy().tolist(), label) == ([n, n + 0.5], n)


def test_files_are_read_in_turn(files: list[str]):
    """So that a buffer smaller than a file mixes texts of several."""
    first = batches.read_labels(files)[:300]
    assert {0, 400, 401} <= set(first.tolist())


@pytest.mark.parametrize("threads", [1, 4])
def test_the_order_does_not_depend_on_the_number_of_threads(
    files: list[str], monkeypatch: pytest.MonkeyPatch, threads: int
):
    expected = batches.read_labels(files).tolist()
    monkeypatch.setattr(tf.data, "AUTOTUNE", threads)
    assert batches.read_labels(files).tolist() == expected


def test_a_review_that_is_read_is_padded_to_its_bucket_alone(files: list[str]):
    buckets = batches.bucket_lengths(64)
    read = batches.read_token_ids(files)
    for ids, labels in batches.training_batches(read, 8, 1, buckets).take(2 * 700 // 8):
        width = {batches.bucket_of(int(n) % 60 + 2, buckets) for n in labels}
        assert ids.shape == (8, *width)
        assert tf.math.count_nonzero(ids, axis=1).numpy().tolist() == [
            int(n) % 60 + 2 for n in labels
        ]


def save_texts(path: Path, texts: list[bytes]) -> str:
    return save_examples(path, [{"text": [text]} for text in texts])


def test_the_same_texts_give_the_same_sample_in_any_order(tmp_path: Path):
    texts = [b"review %d" % n for n in range(50)]
    forth = save_texts(tmp_path / "forth", texts)
    back = [save_texts(tmp_path / f"{n}", texts[::-1][n::2]) for n in range(2)]
    sample = batches.sample_texts([forth], 4)
    assert sample == batches.sample_texts(back, 4)
    assert len(set(sample)) == 4
    assert set(sample) < set(texts)


def test_a_sample_of_few_texts_is_all_of_them(tmp_path: Path):
    assert batches.sample_texts([save_texts(tmp_path / "one", [b"only"])], 4) == [b"only"]


def test_balanced_weights_make_all_classes_count_alike():
    labels = np.array([0] * 95 + [2] * 5)
    reviews = tf.data.Dataset.from_tensor_slices((np.zeros([100, 1], np.float32), labels))
    weights = batches.balanced_weights(labels)
    assert weights == pytest.approx([100 / (2 * 95), 0.0, 100 / (2 * 5)])
    total = collections.Counter[int]()
    for _, label, weight in batches.weighted(reviews.batch(7), weights).as_numpy_iterator():
        for each, counted in zip(label.tolist(), weight.tolist(), strict=True):
            total[each] += counted
    assert total[0] == pytest.approx(total[2]) == pytest.approx(50)


def test_without_weights_batches_are_as_they_are():
    reviews = tf.data.Dataset.from_tensor_slices((np.zeros([4, 1]), [0, 1, 0, 1])).batch(2)
    assert batches.weighted(reviews, None) is reviews
