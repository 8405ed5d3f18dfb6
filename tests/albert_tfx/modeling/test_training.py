from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.encoders import conversion, facts
from albert_tfx.engine import encoder as engine
from albert_tfx.errors import InputError
from albert_tfx.modeling import acceleration, fitting, training
from albert_tfx.modeling.encoder import PooledEncoder
from albert_tfx.options import TrainerOptions
from albert_tfx.resources import gpu
from tests.support import hugging_face


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch):
    def pretend(count: int) -> None:
        devices = [f"GPU:{n}" for n in range(count)]
        monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: devices)

    return pretend


def options(model: str = "fine_tuned", **more: Any) -> TrainerOptions:
    return TrainerOptions(model=model, encoder="any", **more)


@pytest.mark.parametrize(
    ("xla", "of_none", "of_one", "of_two"),
    [("auto", False, True, False), ("on", True, True, False), ("off", False, False, False)],
)
def test_xla_compiles_training_where_it_pays(gpus, xla, of_none, of_one, of_two):
    for count, expected in enumerate((of_none, of_one, of_two)):
        gpus(count)
        assert training.is_compiled(options(xla=xla)) is expected
        assert not training.is_compiled(options("frozen", xla=xla))


@pytest.mark.parametrize(
    ("precision", "pays", "of_none"),
    [
        ("auto", True, "bfloat16"),
        ("auto", False, "float32"),
        ("bfloat16", False, "bfloat16"),
        ("float32", True, "float32"),
    ],
)
def test_precision_is_reduced_on_a_cpu_that_gains_by_it(
    gpus, monkeypatch, precision, pays, of_none
):
    monkeypatch.setattr(acceleration, "bfloat16_pays", lambda: pays)

    def chosen(model: str = "fine_tuned", **more: Any) -> str:
        return training.with_precision(options(model, precision=precision, **more)).precision

    gpus(0)
    assert chosen() == of_none
    assert {chosen("frozen"), chosen(xla="on")} == {"float32"}


@pytest.mark.parametrize(
    ("count", "has_bfloat16", "precision", "xla", "expected"),
    [
        (1, True, "auto", "auto", "bfloat16"),
        (1, True, "bfloat16", "auto", "bfloat16"),
        (1, True, "float32", "auto", "float32"),
        (1, True, "auto", "on", "float32"),
        (1, True, "auto", "off", "float32"),
        (1, False, "auto", "auto", "float32"),
        (1, False, "bfloat16", "auto", "float32"),
        (2, True, "bfloat16", "auto", "float32"),
    ],
)
def test_precision_is_reduced_on_one_gpu_that_has_bfloat16(
    gpus, monkeypatch, caplog, count, has_bfloat16, precision, xla, expected
):
    gpus(count)
    monkeypatch.setattr(gpu, "has_bfloat16", lambda: has_bfloat16)
    monkeypatch.setattr(acceleration, "bfloat16_pays", lambda: True)
    chosen = options(precision=precision, xla=xla)
    assert training.with_precision(chosen).precision == expected
    assert ("GPU does not multiply in bfloat16" in caplog.text) is not has_bfloat16
    frozen = options("frozen", precision=precision, xla=xla)
    assert training.with_precision(frozen).precision == "float32"


@pytest.mark.slow
@pytest.mark.parametrize("works", [True, False])
def test_on_a_gpu_the_engine_trains_in_bfloat16_or_else_xla_in_float32(
    works, gpus, monkeypatch, caplog, tmp_path: Path
):
    """A CPU stands in for the GPU: what a GPU itself refuses cannot be known here."""

    def refused(*_: Any) -> None:
        raise tf.errors.UnimplementedError(None, None, "no such product")

    conversion.convert(hugging_face.save(tmp_path / "source"), tmp_path / "made")
    gpus(1)
    if not works:
        monkeypatch.setattr(engine, "backward", refused)
    compiled: list[PooledEncoder] = []
    monkeypatch.setattr(PooledEncoder, "compile_training", lambda self: compiled.append(self))
    chosen = TrainerOptions(
        "fine_tuned",
        str(tmp_path / "made" / facts.ENCODER),
        sequence_length=16,
        precision="bfloat16",
    )
    classifier = training.build(chosen, 2)
    training.configure(classifier, chosen, 10)
    assert not classifier.in_bfloat16
    assert classifier.encoder.has_engine is works
    assert compiled == ([] if works else [classifier.encoder])
    used = training.used_precision(classifier.encoder, chosen)
    assert used == ("bfloat16" if works else "float32")
    assert ("no such product" in caplog.text) is not works
    assert ("fine-tuning on this GPU is in float32" in caplog.text) is not works


def test_a_head_and_a_single_gpu_need_no_replicas(gpus):
    gpus(1)
    assert training.strategy(options()) is tf.distribute.get_strategy()
    gpus(4)
    assert training.strategy(options("frozen")) is tf.distribute.get_strategy()


def test_a_batch_that_the_gpus_cannot_share_is_refused(gpus):
    gpus(3)
    with pytest.raises(InputError, match="32 texts cannot be shared evenly by 3 GPUs"):
        training.strategy(options(batch_size=32))
    gpus(4)
    with pytest.raises(InputError, match="by 4 GPUs in 16 parts"):
        training.strategy(options(batch_size=32, gradient_accumulation=16))


@pytest.mark.parametrize(
    ("metric", "of_frozen", "of_fine_tuned"),
    [
        ("accuracy", "LOSS", "ACCURACY"),
        ("log_loss", "LOSS", "LOSS"),
        ("recall:a", "METRIC", "METRIC"),
    ],
)
def test_the_best_epoch_is_so_by_the_metric_that_decides(metric, of_frozen, of_fine_tuned):
    assert training.best_by(options("frozen", metric=metric)).name == of_frozen
    assert training.best_by(options(metric=metric)).name == of_fine_tuned


@pytest.mark.slow
def test_the_draws_of_dropout_follow_from_the_seed_and_go_on_from_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = hugging_face.save(tmp_path / "source")
    conversion.convert(source, tmp_path / "made")
    files = training.TrainingFiles([], [], "graph", str(tmp_path))
    ids = tf.constant([[2, 5, 6, 7, 3]])

    def drawn(encoder: tf.keras.layers.Layer) -> np.ndarray:
        return encoder(ids, training=True).numpy()

    def twice(classifier: Any, *_: Any) -> fitting.TrainingHistory:
        first = drawn(classifier.encoder)
        saved = tf.train.Checkpoint(model=classifier).write(str(tmp_path / "checkpoint"))
        second = drawn(classifier.encoder)
        classifier.encoder.seed_dropout(99)
        tf.train.Checkpoint(model=classifier).read(saved)
        np.testing.assert_array_equal(drawn(classifier.encoder), second)
        draws.append(np.stack([first, second]))
        return fitting.TrainingHistory("fine_tuned", (), 0, 0.0, 0, 0, seed=0)

    draws: list[np.ndarray] = []
    monkeypatch.setattr(training, "_train", twice)
    for seed in (1, 1, 2):
        made = TrainerOptions(
            "fine_tuned", str(tmp_path / "made" / facts.ENCODER), seed=seed, sequence_length=16
        )
        training.train(made, 2, files)
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.abs(draws[0][0] - draws[0][1]).max() > 1e-3
    assert np.abs(draws[0] - draws[2]).max() > 1e-3


def test_the_engine_trains_where_a_training_gains_by_it(gpus):
    gpus(0)
    assert training.engine_pays(options(precision="float32"), 10_000, 192)
    assert training.engine_pays(options(precision="bfloat16"), 10_000, 768)
    assert not training.engine_pays(options(precision="float32"), 10_000, 768)
    assert not training.engine_pays(options(precision="float32"), 100, 192)
    assert not training.engine_pays(options(precision="float32", xla="off"), 10_000, 192)
    assert not training.engine_pays(options(precision="float32", xla="on"), 10_000, 192)
    gpus(1)
    assert not training.engine_pays(options(precision="float32"), 10_000, 192)
