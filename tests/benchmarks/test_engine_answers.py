from pathlib import Path

import engine_answers
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

from albert_tfx.contract import FINE_TUNED
from albert_tfx.encoders import configuration, conversion
from albert_tfx.evaluation.measurements import Interval
from albert_tfx.modeling.classifier import build_head
from albert_tfx.modeling.encoder import PooledEncoder
from albert_tfx.options import TrainerOptions
from albert_tfx.seeds.precision import PrecisionChange
from tests.support import hugging_face


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ["albert", "bert"])
def test_an_encoder_goes_back_to_hugging_face_as_it_came(tmp_path: Path, model_type: str):
    source = hugging_face.save(tmp_path / "source", model_type)
    conversion.convert(source, tmp_path / "converted")
    encoder = PooledEncoder(str(tmp_path / "converted" / "encoder"), "mean", trainable=True)
    sizes = configuration.read(source)
    engine_answers.save(encoder.variables, sizes, tmp_path)
    expected, found = (
        {
            name.removeprefix(f"{model_type}."): each
            for name, each in safetensors.numpy.load_file(folder / "model.safetensors").items()
        }
        for folder in (source, tmp_path)
    )
    assert found
    for name, each in found.items():
        np.testing.assert_array_equal(each, expected[name], err_msg=name)
    again = configuration.read(tmp_path)
    assert again == sizes


def test_a_head_answers_as_it_did():
    head = build_head(TrainerOptions(FINE_TUNED, "", hidden_units=5), 4, 3)
    draws = np.random.default_rng(1)
    head.set_weights([draws.uniform(0.5, 1.5, each.shape) for each in head.weights])
    vectors = draws.normal(size=[6, 4]).astype(np.float32)
    expected = tf.nn.softmax(head(vectors, training=False))
    np.testing.assert_allclose(engine_answers.answer(head.weights, vectors), expected, atol=1e-6)


def test_what_an_engine_changes_is_told_in_points_with_its_bounds():
    change = PrecisionChange(
        200, Interval(0.03, 0.02, 0.04), Interval(-0.01, -0.02, 0.0), *2 * [Interval(0, 0, 0)]
    )
    figures = {each.name: each for each in engine_answers.figures_of(200, {"int8": change})}
    assert figures["int8, other labels, to"].value == 4
    accuracy = figures["int8, change of accuracy"]
    assert (accuracy.value, accuracy.unit, accuracy.bar) == (-1, "points", ">= -0.3")
    assert figures["int8, change of accuracy, from"].value == -2
