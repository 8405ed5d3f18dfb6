"""The engine's outputs and gradients are those that TensorFlow derives from the encoder itself."""

import collections
import functools
import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub

from albert_tfx.encoders import configuration, conversion
from albert_tfx.encoders.layers import Encoder, SeededDropout
from albert_tfx.encoders.resolution import resolve
from albert_tfx.engine import encoder as engine
from albert_tfx.engine import layer
from albert_tfx.engine.encoder import EncoderKind, EngineEncoder
from albert_tfx.engine.weights import EncoderVariables, of_last_layers
from albert_tfx.resources import gpu
from pipelines.presets import MINI_ENCODER
from tests.support import hugging_face, models

IDS = tf.constant([[2, 5, 6, 7, 8, 3], [2, 9, 7, 3, 0, 0], [2, 5, 5, 5, 5, 3]])
INPUTS = {
    "input_word_ids": IDS,
    "input_mask": tf.cast(IDS != 0, tf.int32),
    "input_type_ids": tf.constant([[0, 0, 0, 1, 1, 1]] * 3),
}
WEIGHTING = tf.constant(np.random.default_rng(1).normal(size=[3, 6, 8]), tf.float32)
KINDS = ["bert", "albert", "distilbert", "roberta"]


def build(
    folder: Path, model_type: str, **config: Any
) -> tuple[configuration.EncoderConfiguration, Encoder]:
    """Returns an encoder of `encoders.layers` with random weights."""
    segments: dict[str, Any] = {} if model_type == "distilbert" else {"type_vocab_size": 2}
    sizes = configuration.read(hugging_face.save(folder, model_type, **segments, **config))
    made = Encoder(sizes, has_pooler=model_type != "distilbert")
    draw = np.random.default_rng(2)
    for name, variable in made.weights_by_name.items():
        variable.assign(draw.normal(0, 0.3, variable.shape) + name.endswith("gamma"))
    return sizes, made


def forget_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a test's engines use no program that was compiled before."""
    monkeypatch.setattr(engine, "_programs", functools.cache(engine._programs.__wrapped__))


def engine_of(sizes: configuration.EncoderConfiguration, made: Encoder, **options: Any) -> Any:
    by_name = dict(made.weights_by_name, dropout_seed=tf.Variable([7, 0], dtype=tf.int64))
    variables = EncoderVariables(by_name, sizes.groups * sizes.inner_layers)
    return EngineEncoder(variables, EncoderKind.of(sizes), **options)


def loss_and_gradients(
    encode: Callable[..., Any], variables: Sequence[tf.Variable]
) -> tuple[float, list[np.ndarray]]:
    @tf.function
    def run() -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            outputs = encode(INPUTS)
            real = tf.cast(INPUTS["input_mask"], tf.float32)[:, :, tf.newaxis]
            loss = tf.reduce_sum(outputs["sequence_output"] * WEIGHTING * real)
            if "pooled_output" in outputs:
                loss += tf.reduce_sum(outputs["pooled_output"] ** 2)
        found = tape.gradient(loss, variables, unconnected_gradients="zero")
        return loss, [tf.convert_to_tensor(each) for each in found]

    loss, gradients = run()
    return float(loss), [each.numpy() for each in gradients]


def assert_equal(found: Any, expected: Any, of_loss: float = 1e-6, bound: float = 1e-4) -> None:
    """Compares loss and gradients; the bounds are relative, a gradient's to its largest entry."""
    assert found[0] == pytest.approx(expected[0], rel=of_loss)
    largest = max(np.abs(each).max() for each in expected[1])
    for one, other in zip(found[1], expected[1], strict=True):
        # The gradient of a key's bias is zero but for rounding.
        np.testing.assert_allclose(
            one, other, atol=bound * max(np.abs(other).max(), 0.02 * largest)
        )


@pytest.mark.slow
@pytest.mark.parametrize("model_type", KINDS)
def test_gradients_are_those_of_tensorflow(model_type: str, tmp_path: Path):
    sizes, made = build(tmp_path, model_type)
    ours = engine_of(sizes, made)
    variables = made.trainable_variables
    assert_equal(loss_and_gradients(ours, variables), loss_and_gradients(made, variables))


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ["bert", "albert"])
def test_a_training_draws_the_dropout_of_the_layers(model_type: str, tmp_path: Path):
    rates = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.3}
    sizes, made = build(tmp_path, model_type, **rates)
    variables = made.trainable_variables
    expected = [
        loss_and_gradients(
            lambda inputs, step=step: made(inputs, SeededDropout(tf.constant([7, step], tf.int64))),
            variables,
        )
        for step in (1, 2)
    ]
    assert expected[0][0] != expected[1][0]
    train = functools.partial(engine_of(sizes, made), training=True)
    for each in expected:
        # Parts of this loss cancel, so that rounding weighs more.
        assert_equal(loss_and_gradients(train, variables), each, of_loss=5e-6)


@pytest.mark.slow
@pytest.mark.parametrize("recompute", [False, True])
def test_compiled_gradients_are_the_same(
    recompute: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sizes, made = build(tmp_path, "albert")
    monkeypatch.setattr(engine, "_MOST_KEPT", 0 if recompute else 1 << 40)
    variables = made.trainable_variables
    expected = loss_and_gradients(made, variables)
    ours = engine_of(sizes, made, is_compiled=True, largest=(3, 6))
    assert ours._recompute is recompute
    assert_equal(loss_and_gradients(ours, variables), expected)


@pytest.mark.parametrize("recompute", [False, True])
def test_the_last_layers_alone_have_the_gradients_that_all_would_give_them(
    recompute: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sizes, made = build(tmp_path, "bert")
    monkeypatch.setattr(engine, "_MOST_KEPT", 0 if recompute else 1 << 40)
    names = [each.name for each in made.trainable_variables]
    last = of_last_layers(names, 1)
    assert {name.split("/")[1] for name in last} == {f"layer_{sizes.layers - 1}", "pooler"}
    variables = [each for each in made.trainable_variables if each.name in last]
    others = [each for each in made.trainable_variables if each.name not in last]
    ours = engine_of(sizes, made, trained=1, largest=(3, 6))
    assert ours._recompute is recompute
    assert_equal(loss_and_gradients(ours, variables), loss_and_gradients(made, variables))
    assert not any(each.any() for each in loss_and_gradients(ours, others)[1])


def test_what_last_layers_alone_keep_is_less(tmp_path: Path):
    sizes, made = build(tmp_path, "bert")
    whole, last = (engine_of(sizes, made, trained=each) for each in (None, 1))
    assert last.kept_bytes(3, 6) * sizes.layers == whole.kept_bytes(3, 6)


@pytest.mark.slow
def test_another_training_compiles_nothing_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    forget_programs(monkeypatch)
    traced = collections.Counter[str]()

    def forward(*args: Any, **options: Any) -> Any:
        traced["forward"] += 1
        return layer.forward(*args, **options)

    def backward(*args: Any, **options: Any) -> Any:
        traced["backward"] += 1
        return layer.backward(*args, **options)

    monkeypatch.setattr(engine, "forward", forward)
    monkeypatch.setattr(engine, "backward", backward)
    for name in ("one", "other"):
        sizes, made = build(tmp_path / name, "bert")
        loss_and_gradients(engine_of(sizes, made, is_compiled=True), made.trainable_variables)
    assert traced == {"forward": 1, "backward": 1}


def test_on_a_gpu_what_is_kept_for_the_backward_pass_follows_what_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sizes, made = build(tmp_path, "albert")
    kept = engine_of(sizes, made).kept_bytes(3, 6)
    for free, recompute in ((2 * kept, False), (2 * kept - 1, True), (None, False)):
        monkeypatch.setattr(gpu, "free_bytes", lambda free=free: free)
        assert engine_of(sizes, made, largest=(3, 6))._recompute is recompute


@pytest.mark.slow
def test_the_gradient_of_compiled_dropout_is_the_slope_of_the_loss(tmp_path: Path):
    rates = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.3}
    sizes, made = build(tmp_path, "bert", **rates)
    ours, variables = engine_of(sizes, made, is_compiled=True), made.trainable_variables

    def run() -> tuple[float, list[np.ndarray]]:
        ours._variables.seed.assign([7, 0])
        return loss_and_gradients(functools.partial(ours, training=True), variables)

    _, gradients = run()
    length = np.sqrt(sum(np.sum(each**2) for each in gradients))
    losses = []
    for distance in (1e-2, -2e-2):  # one step up, then as far down from where it was
        for variable, each in zip(variables, gradients, strict=True):
            variable.assign_add(distance / length * each)
        losses.append(run()[0])
    assert (losses[0] - losses[1]) / 2e-2 == pytest.approx(length, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ["bert", "albert"])
def test_gradients_in_bfloat16_are_nearly_the_same(model_type: str, tmp_path: Path):
    """bfloat16 has 8 bits: an operand is rounded by up to 0.4 %."""
    sizes, made = build(tmp_path, model_type)
    variables = made.trainable_variables
    expected = loss_and_gradients(made, variables)
    ours = engine_of(sizes, made, precision=tf.bfloat16, is_compiled=True)
    found = loss_and_gradients(ours, variables)
    assert found[0] != expected[0]
    assert_equal(found, expected, of_loss=0.02, bound=0.05)


def assert_engine(folder: str, of_loss: float = 1e-6) -> None:
    saved = tensorflow_hub.KerasLayer(folder, trainable=True)
    saved(INPUTS)
    ours = engine.engine_for(saved, saved.variables, configuration.load(folder))
    assert ours is not None
    variables = saved.trainable_variables
    expected = loss_and_gradients(saved, variables)
    assert_equal(loss_and_gradients(ours, variables), expected, of_loss)


@pytest.mark.slow
def test_tf_hubs_albert_has_an_engine(monkeypatch: pytest.MonkeyPatch):
    weighting = tf.constant(np.random.default_rng(1).normal(size=[3, 6, 192]), tf.float32)
    monkeypatch.setitem(globals(), "WEIGHTING", weighting)
    # Its terms, 3,000 of either sign, nearly cancel; how they round depends on the processor.
    assert_engine(resolve(MINI_ENCODER).encoder, of_loss=1e-5)


@pytest.mark.slow
def test_tf_hubs_encoder_with_dropout_infers_by_an_engine_and_trains_by_none(
    caplog: pytest.LogCaptureFixture,
):
    loaded = tensorflow_hub.KerasLayer(resolve(MINI_ENCODER).encoder, trainable=True)

    def saved(inputs: engine.Inputs, training: bool) -> Any:
        outputs = loaded(inputs, training=training)
        if training:
            outputs["sequence_output"] *= 1.5
        return outputs

    saved(INPUTS, training=False)
    ours = engine.engine_for(saved, loaded.variables, None)
    assert ours is not None
    expected = saved(INPUTS, training=False)["pooled_output"]
    np.testing.assert_allclose(inferred(ours)["pooled_output"], expected, atol=1e-4)
    assert engine.engine_for(saved, loaded.variables, None, is_compiled=True) is None
    assert "its rates of dropout are not known" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ["bert", "albert"])
def test_a_converted_encoder_has_an_engine(model_type: str, tmp_path: Path):
    source = hugging_face.save(tmp_path / "source", model_type, type_vocab_size=2)
    conversion.convert(source, tmp_path / "converted")
    assert_engine(str(tmp_path / "converted" / "encoder"))


@pytest.mark.slow
def test_another_encoder_has_none_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    saved = tensorflow_hub.KerasLayer(models.save_encoder(tmp_path / "tiny"), trainable=True)
    with caplog.at_level(logging.WARNING, logger=engine.__name__):
        assert engine.engine_for(saved, saved.variables, None) is None
    assert "runs as the SavedModel that it is: its variables have other names" in caplog.text


def test_an_engine_that_computes_something_else_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    sizes, made = build(tmp_path, "bert")
    other = configuration.read(hugging_face.save(tmp_path / "other", hidden_act="relu"))

    def saved(inputs: engine.Inputs, training: bool) -> Any:
        del training
        return made(inputs)

    with caplog.at_level(logging.WARNING, logger=engine.__name__):
        assert engine.engine_for(saved, made.variables, other) is None
        assert engine.engine_for(saved, made.variables, sizes) is not None
    assert caplog.text.count("its layers compute something else") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "warning"),
    [(1.0, ""), (1.5, "are wrong on this device"), (math.nan, "are wrong on this device")],
)
def test_on_a_gpu_an_engine_is_tried_before_it_is_relied_on(
    error: float,
    warning: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    """A CPU stands in for the GPU; its programs in bfloat16 are off by a factor."""
    sizes, made = build(tmp_path, "bert")

    def backward(gradient: tf.Tensor, saved: Any, weights: Any, kind: Any) -> Any:
        values, own = layer.backward(gradient, saved, weights, kind)
        return values * (error if kind.precision == tf.bfloat16 else 1.0), own

    forget_programs(monkeypatch)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: ["GPU:0"])
    monkeypatch.setattr(engine, "backward", backward)
    found = engine.engine_for(
        lambda inputs, training: made(inputs),
        [*made.variables, tf.Variable([7, 0], dtype=tf.int64, name="dropout_seed")],
        sizes,
        precision=tf.bfloat16,
        is_compiled=True,
    )
    assert (found is None) is bool(warning)
    assert warning in caplog.text


def inferred(ours: EngineEncoder) -> dict[str, np.ndarray]:
    return {name: each.numpy() for name, each in tf.function(ours.infer)(INPUTS).items()}


@pytest.mark.parametrize("model_type", KINDS)
def test_inference_is_that_of_the_layers(model_type: str, tmp_path: Path):
    sizes, made = build(tmp_path, model_type)
    found, expected = inferred(engine_of(sizes, made)), made(INPUTS)
    assert ("pooled_output" in found) is (model_type != "distilbert")
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ["bert", "albert"])
def test_inference_in_bfloat16_is_nearly_the_same(model_type: str, tmp_path: Path):
    """bfloat16 has 8 bits: an operand is rounded by up to 0.4 %."""
    sizes, made = build(tmp_path, model_type)
    ours = engine_of(sizes, made, precision=tf.bfloat16)
    found, expected = inferred(ours), made(INPUTS)
    for name, values in found.items():
        assert values.dtype == np.float32
        difference = np.abs(values - expected[name]).max() / np.abs(expected[name]).max()
        assert 1e-5 < difference < 0.03


def test_inference_multiplies_in_bfloat16_by_tensorflow_s_own_operations(
    tmp_path: Path,
):
    sizes, made = build(tmp_path, "bert")
    ours = engine_of(sizes, made, precision=tf.bfloat16)
    traced = tf.function(ours.infer).get_concrete_function(INPUTS).graph.get_operations()
    products = [each for each in traced if "MatMul" in each.type]
    of_layers = [each for each in products if each.inputs[0].dtype == tf.bfloat16]
    assert len(of_layers) == 2 * 6  # layers, and products of each
    of_xla_or_gradients = {each.type for each in traced if "Xla" in each.type} | {"IdentityN"}
    assert not of_xla_or_gradients & {each.type for each in traced}
