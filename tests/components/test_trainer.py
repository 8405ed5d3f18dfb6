import logging
import math
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from albert_tfx.modeling import serving_model
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.options import encode
from components import trainer
from tests.support.runs import Run


@pytest.mark.slow
def test_an_export_that_fails_costs_no_training(finished: Run, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="albert_tfx.progress")
    fn_args = _arguments(finished, tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(serving_model, "write_warmup", _refuse)
        with pytest.raises(OSError, match="disk"):
            trainer.run_fn(fn_args)
    caplog.clear()
    trainer.run_fn(fn_args)
    said = [record.getMessage() for record in caplog.records]
    assert [each for each in said if "answers" not in each] == [
        f"Trainer.frozen: {steps}/90 steps, seed {seed}/2, goes on from the last checkpoint"
        for seed, steps in ((1, 45), (2, 90))
    ]
    assert "Trainer.frozen: 60/60 texts, answers eval" in said
    assert not list(tmp_path.glob("checkpoints/*"))
    assert tf.saved_model.contains_saved_model(fn_args.serving_model_dir)
    assert 0 < _memory(finished.uri("Trainer.frozen", "model_run")) < 2e9
    assert math.isnan(_memory(fn_args.model_run_dir))  # it took nothing that is worth a figure


def _memory(model_run: str) -> float:
    return TrainingHistory.load(model_run).train_memory_bytes


def _refuse(*_: object) -> None:
    raise OSError("the disk is full")


def _arguments(run: Run, folder: Path) -> FnArgs:
    """Returns what TFX hands to the frozen model's Trainer of a run, but for where it writes."""
    embeddings = run.uri("EmbeddingGen", "embeddings")
    return FnArgs(
        train_files=[f"{embeddings}/Split-train/*"],
        eval_files=[f"{embeddings}/Split-{split}/*" for split in ("eval", "test")],
        transform_graph_path=run.uri("Transform", "transform_graph"),
        schema_path=f"{run.uri('ImportSchemaGen', 'schema')}/schema.pbtxt",
        serving_model_dir=str(folder / "model" / "1" / "Format-Serving"),
        model_run_dir=str(folder / "model_run" / "1"),
        custom_config={
            trainer.OPTIONS_KEY: encode(run.config.frozen),
            trainer.ANSWERS_KEY: encode(run.config.answers),
        },
    )
