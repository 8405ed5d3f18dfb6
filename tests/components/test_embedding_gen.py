from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf
from apache_beam.utils import shared

from albert_tfx.modeling.encoder import EmbedReviews, PooledEncoder
from albert_tfx.options import EmbeddingOptions
from pipelines.presets import MINI_ENCODER

LENGTHS = [3, 64, 7, 40, 20, 5, 33, 60, 12, 9, 50, 62, 63]


@pytest.fixture(scope="module")
def encoder() -> PooledEncoder:
    return PooledEncoder(MINI_ENCODER, "mean", trainable=False)


def reviews() -> list[np.ndarray]:
    draw = np.random.default_rng(1)
    return [np.array([2, *draw.integers(5, 8000, length - 2), 3]) for length in LENGTHS]


def records() -> Iterator[bytes]:
    for number, ids in enumerate(reviews()):
        example = tf.train.Example()
        example.features.feature["input_word_ids"].int64_list.value.extend(ids)
        example.features.feature["label"].int64_list.value.append(number)
        example.features.feature["text"].bytes_list.value.append(b"review %d" % number)
        yield example.SerializeToString()


def embed(**options: object) -> dict[int, np.ndarray]:
    """Returns the vector of each label, as the stage gives it in one bundle."""
    stage = EmbedReviews(
        EmbeddingOptions(MINI_ENCODER, sequence_length=64, batch_size=2, **options), shared.Shared()
    )
    stage.setup()
    stage.start_bundle()
    found = [embedded for record in records() for embedded in stage.process(record)]
    found += [waited.value for waited in stage.finish_bundle()]
    vectors = {}
    for record in found:
        features = tf.train.Example.FromString(record).features.feature
        [label] = features["label"].int64_list.value
        assert features["text"].bytes_list.value == [b"review %d" % label]
        assert label not in vectors
        vectors[label] = np.array(features["pooled_output"].float_list.value)
    return vectors


@pytest.mark.parametrize("xla", ["off", "on", "auto"])
def test_a_vector_is_that_of_its_review_padded_to_the_full_length(encoder: PooledEncoder, xla: str):
    vectors = embed(xla=xla)
    assert sorted(vectors) == list(range(len(LENGTHS)))
    padded = tf.constant([[*ids, *[0] * (64 - len(ids))] for ids in reviews()], tf.int32)
    expected = encoder(padded).numpy()
    for label, vector in vectors.items():
        np.testing.assert_allclose(vector, expected[label], atol=1e-4)


def test_it_compiles_for_lengths_that_come_often_enough(monkeypatch: pytest.MonkeyPatch):
    compiled = []
    inference = PooledEncoder.compiled_inference

    def noted(self: PooledEncoder) -> object:
        run = inference(self)
        return lambda ids: compiled.append(ids.shape[1]) or run(ids)

    monkeypatch.setattr(PooledEncoder, "compiled_inference", noted)
    monkeypatch.setattr("albert_tfx.modeling.encoder._BATCHES_UNCOMPILED", {"auto": 1})
    embed(xla="auto")
    assert compiled == [64]
