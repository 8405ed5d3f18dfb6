from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tiny_encoder

from albert_tfx.errors import InputError
from albert_tfx.modeling import encoder
from albert_tfx.modeling.encoder import PooledEncoder
from pipelines.presets import MINI_ENCODER, MINI_PREPROCESSOR


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_encoder.save(tmp_path_factory.mktemp("encoders") / "tiny")


def test_the_embedded_pair_fits():
    encoder.check(MINI_ENCODER, MINI_PREPROCESSOR, 512)


def test_a_length_beyond_the_positions_is_refused():
    with pytest.raises(InputError, match="513 exceeds the 512 positions"):
        encoder.check(MINI_ENCODER, MINI_PREPROCESSOR, 513)


def test_another_vocabulary_is_refused(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tiny_encoder, "VOCABULARY_SIZE", 7999)
    other = tiny_encoder.save(tmp_path / "other")
    with pytest.raises(InputError, match=r"no embedding for the 8,000 tokens.*7,999 rows"):
        encoder.check(other, MINI_PREPROCESSOR, 32)


def test_an_encoder_is_no_preprocessor(tiny: str):
    with pytest.raises(InputError, match="no text preprocessing model"):
        encoder.check(tiny, tiny, 32)


def test_masked_mean_leaves_the_padding_out():
    sequence = tf.constant([[[1.0, 3.0], [3.0, 5.0], [99.0, 99.0]]])
    mask = tf.constant([[1, 1, 0]])
    np.testing.assert_array_equal(encoder.masked_mean(sequence, mask), [[2.0, 4.0]])


@pytest.mark.parametrize("pooling", ["mean", "pooled_output"])
def test_padding_does_not_change_a_vector(pooling: str):
    pooled = PooledEncoder(MINI_ENCODER, pooling, trainable=False)
    ids = tf.constant([[2, 50, 60, 70, 3]])
    padded = tf.pad(ids, [[0, 0], [0, 59]])
    np.testing.assert_allclose(pooled(ids), pooled(padded), atol=1e-5)


def test_only_a_trainable_encoder_has_trainable_variables(tiny: str):
    assert PooledEncoder(tiny, "mean", trainable=True).trainable_variables
    assert not PooledEncoder(tiny, "mean", trainable=False).trainable_variables
