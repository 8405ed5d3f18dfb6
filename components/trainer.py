"""The Trainers' one entry point: `run_fn` trains the frozen and the fine-tuned model alike.

`frozen` trains the head on vectors that EmbeddingGen made; `fine_tuned` trains the encoder with
the same head on token ids. Both export the same serving model.
"""

import dataclasses

import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.utils import io_utils

from albert_tfx.data import schema
from albert_tfx.encoders import resolution
from albert_tfx.modeling import batches, encoder, fitting, serving_model, training
from albert_tfx.options import TrainerOptions, decode
from albert_tfx.tuning import rates

OPTIONS_KEY = "options"
_WARMUP_TEXTS = 4


def run_fn(fn_args: FnArgs) -> None:
    """TFX Trainer's entry point.

    Args:
      fn_args: With the Trainer's artifacts; `custom_config["options"]` is `TrainerOptions` as
        `albert_tfx.options.encode` gives them.
    """
    options = training.with_precision(decode(TrainerOptions, fn_args.custom_config[OPTIONS_KEY]))
    known = resolution.describe(options.encoder)
    encoder.require_fit(known, options.sequence_length, options.pooling)
    class_names = schema.class_names(io_utils.SchemaReader().read(fn_args.schema_path))
    files = training.TrainingFiles(
        fn_args.train_files, fn_args.eval_files, fn_args.transform_graph_path, fn_args.model_run_dir
    )
    options, trials = rates.choose(options, len(class_names), files)
    classifier, history = training.train(options, len(class_names), files)

    tried = tuple(dataclasses.asdict(trial) for trial in trials)
    history = dataclasses.replace(history, rates=tried)
    history.save(fn_args.model_run_dir)
    known.save(fn_args.model_run_dir)
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    server = serving_model.TextServer(transform_output, classifier, class_names)
    server.export(fn_args.serving_model_dir)
    texts = batches.sample_texts(fn_args.eval_files, _WARMUP_TEXTS)
    serving_model.write_warmup(fn_args.serving_model_dir, texts)
    fitting.forget(files.checkpoints(options))
