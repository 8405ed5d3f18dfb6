from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.encoders import configuration
from albert_tfx.encoders.checkpoint import Checkpoint
from albert_tfx.encoders.layers import Encoder, SeededDropout, dropout_mask, no_dropout
from tests.support import hugging_face

IDS = np.array([[2, 5, 6, 7, 8, 3], [2, 9, 7, 10, 11, 3]], np.int32)
SEGMENTS = np.array([[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]], np.int32)


def load(folder: Path) -> Encoder:
    sizes = configuration.read(folder)
    checkpoint = Checkpoint(folder, sizes)
    made = Encoder(sizes, checkpoint.has_pooler)
    for weight, values in checkpoint.read():
        start = sizes.position_offset if weight.name == "embeddings/positions" else 0
        made.weights_by_name[weight.name].assign(values[start:])
    return made


def inputs(padding: int = 0) -> dict[str, tf.Tensor]:
    pad = [[0, 0], [0, padding]]
    return {
        "input_word_ids": tf.pad(IDS, pad),
        "input_mask": tf.pad(tf.ones_like(IDS), pad),
        "input_type_ids": tf.pad(SEGMENTS, pad),
    }


@pytest.mark.parametrize("model_type", ["bert", "albert", "distilbert", "roberta"])
def test_outputs_are_those_of_the_reference(model_type: str, tmp_path: Path):
    config = {**hugging_face.CONFIGS[model_type], "type_vocab_size": 2}
    weights = hugging_face.draw_weights(config)
    sequence, pooled = hugging_face.encode(config, weights, IDS, SEGMENTS)
    made = load(hugging_face.save(tmp_path, model_type, type_vocab_size=2))(inputs())
    np.testing.assert_allclose(made["sequence_output"], sequence, atol=1e-5)
    assert ("pooled_output" in made) == (pooled is not None)
    if pooled is not None:
        np.testing.assert_allclose(made["pooled_output"], pooled, atol=1e-5)


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu"])
def test_each_activation_is_its_own(activation: str, tmp_path: Path):
    config = {**hugging_face.CONFIGS["bert"], "hidden_act": activation}
    weights = hugging_face.draw_weights(config)
    sequence, _ = hugging_face.encode(config, weights, IDS, SEGMENTS)
    made = load(hugging_face.save(tmp_path, hidden_act=activation))(inputs())
    np.testing.assert_allclose(made["sequence_output"], sequence, atol=1e-5)


def test_padding_changes_nothing(tmp_path: Path):
    encoder = load(hugging_face.save(tmp_path))
    short, long = encoder(inputs()), encoder(inputs(padding=5))
    length = IDS.shape[1]
    np.testing.assert_allclose(
        short["sequence_output"], long["sequence_output"][:, :length], atol=1e-6
    )


def test_a_shared_layer_is_passed_as_often_as_there_are_layers(tmp_path: Path):
    encoder = load(hugging_face.save(tmp_path, "albert"))
    assert len(encoder(inputs())["encoder_outputs"]) == 3
    assert "layer_3/attention/query/kernel" in encoder.weights_by_name
    assert "layer_4/attention/query/kernel" not in encoder.weights_by_name


def test_dropout_follows_from_its_seed_and_no_two_masks_are_the_same():
    ones = tf.ones([100])
    first, again = (SeededDropout(tf.constant([1, 2], tf.int64)) for _ in range(2))
    masks = [first(ones, 0.5).numpy() for _ in range(2)]
    np.testing.assert_array_equal(masks[0], again(ones, 0.5))
    assert (masks[0] != masks[1]).any()
    assert set(masks[0]) == {0.0, 2.0}
    np.testing.assert_array_equal(no_dropout(ones, 0.5), ones)


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(rate: float):
    seed = tf.constant([3, 4], tf.int64)
    kept = dropout_mask(tf.constant([99, 1001]), rate, seed).numpy()
    after = SeededDropout(seed)(tf.ones([99, 1001]), rate).numpy()
    # A share of 1/256 at least, in steps of that; the deviation by chance is below 0.002.
    assert 1 - kept.mean() == pytest.approx(max(rate, 1 / 256), abs=1 / 512 + 0.006)
    assert after.mean() == pytest.approx(1, abs=0.01)


def test_dropout_is_the_same_where_xla_compiles_it():
    shape, seed = tf.constant([5, 7]), tf.constant([3, 4], tf.int64)
    compiled = tf.function(lambda: dropout_mask(shape, 0.3, seed), jit_compile=True)
    np.testing.assert_array_equal(compiled(), dropout_mask(shape, 0.3, seed))
