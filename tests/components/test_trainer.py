import logging
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tiny_run import Run

from albert_tfx.errors import InputError
from albert_tfx.modeling import warmup
from albert_tfx.options import TrainerOptions, encode
from components import trainer


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch):
    def pretend(count: int) -> None:
        devices = [f"GPU:{n}" for n in range(count)]
        monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: devices)

    return pretend


def options(model: str = "fine_tuned", **more: object) -> TrainerOptions:
    return TrainerOptions(model=model, encoder="any", **more)


@pytest.mark.parametrize(
    ("xla", "of_none", "of_one", "of_two"),
    [("auto", False, True, False), ("on", True, True, False), ("off", False, False, False)],
)
def test_xla_compiles_training_where_it_pays(gpus, xla, of_none, of_one, of_two):
    for count, expected in enumerate((of_none, of_one, of_two)):
        gpus(count)
        assert trainer.is_compiled(options(xla=xla)) is expected
        assert not trainer.is_compiled(options("frozen", xla=xla))


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
    monkeypatch.setattr(trainer.precision, "bfloat16_pays", lambda: pays)

    def chosen(model: str = "fine_tuned", **more: object) -> str:
        return trainer.with_precision(options(model, precision=precision, **more)).precision

    gpus(0)
    assert chosen() == of_none
    assert {chosen("frozen"), chosen(xla="on")} == {"float32"}
    gpus(1)
    assert chosen() == "float32"


def test_a_head_and_a_single_gpu_need_no_replicas(gpus):
    gpus(1)
    assert trainer.strategy(options()) is tf.distribute.get_strategy()
    gpus(4)
    assert trainer.strategy(options("frozen")) is tf.distribute.get_strategy()


def test_a_batch_that_the_gpus_cannot_share_is_refused(gpus):
    gpus(3)
    with pytest.raises(InputError, match="32 reviews cannot be shared evenly by 3 GPUs"):
        trainer.strategy(options(batch_size=32))
    gpus(4)
    with pytest.raises(InputError, match="by 4 GPUs in 16 parts"):
        trainer.strategy(options(batch_size=32, gradient_accumulation=16))


@pytest.mark.slow
def test_an_export_that_fails_costs_no_training(finished: Run, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="albert_tfx.progress")
    fn_args = _arguments(finished, tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(warmup, "write", _refuse)
        with pytest.raises(OSError, match="disk"):
            trainer.run_fn(fn_args)
    caplog.clear()
    trainer.run_fn(fn_args)
    assert [record.getMessage() for record in caplog.records] == [
        "Trainer.frozen: 45/45 steps, goes on from the last checkpoint"
    ]
    assert not list(tmp_path.glob("checkpoints/*"))
    assert tf.saved_model.contains_saved_model(fn_args.serving_model_dir)


def _refuse(*_: object) -> None:
    raise OSError("the disk is full")


def _arguments(run: Run, folder: Path) -> FnArgs:
    """Returns what TFX hands to the frozen model's Trainer of a run, but for where it writes."""
    embeddings = run.uri("EmbeddingGen", "embeddings")
    return FnArgs(
        train_files=[f"{embeddings}/Split-train/*"],
        eval_files=[f"{embeddings}/Split-eval/*"],
        transform_graph_path=run.uri("Transform", "transform_graph"),
        schema_path=f"{run.uri('ImportSchemaGen', 'schema')}/schema.pbtxt",
        serving_model_dir=str(folder / "model" / "1" / "Format-Serving"),
        model_run_dir=str(folder / "model_run" / "1"),
        custom_config={trainer.OPTIONS_KEY: encode(run.config.frozen)},
    )
