import collections
from pathlib import Path

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


def test_count(dataset):
    assert batches.count(dataset) == 10


def save_texts(path: Path, texts: list[bytes]) -> str:
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for text in texts:
            example = tf.train.Example()
            example.features.feature["text"].bytes_list.value.append(text)
            writer.write(example.SerializeToString())
    return str(path)


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
    labels = [0] * 95 + [2] * 5
    reviews = tf.data.Dataset.from_tensor_slices((np.zeros([100, 1], np.float32), labels))
    weights = batches.balanced_weights(reviews)
    assert weights == pytest.approx([100 / (2 * 95), 0.0, 100 / (2 * 5)])
    total = collections.Counter[int]()
    for _, label, weight in batches.weighted(reviews.batch(7), weights).as_numpy_iterator():
        for each, counted in zip(label.tolist(), weight.tolist(), strict=True):
            total[each] += counted
    assert total[0] == pytest.approx(total[2]) == pytest.approx(50)


def test_without_weights_batches_are_as_they_are():
    reviews = tf.data.Dataset.from_tensor_slices((np.zeros([4, 1]), [0, 1, 0, 1])).batch(2)
    assert batches.weighted(reviews, None) is reviews
