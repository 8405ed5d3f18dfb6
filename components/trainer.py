"""The Trainers' one entry point: `run_fn` trains the frozen and the fine-tuned model alike.

`frozen` trains the head on vectors that EmbeddingGen made; `fine_tuned` trains the encoder with
the same head on token ids. Both export the same serving model.
"""

import dataclasses
import functools
from collections.abc import Sequence

import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.utils import io_utils

from albert_tfx.calibration import evidence
from albert_tfx.contract import EVAL, TEST
from albert_tfx.data import schema
from albert_tfx.encoders import resolution
from albert_tfx.evaluation import measurements
from albert_tfx.modeling import batches, encoder, repetition, serving_model, training
from albert_tfx.options import FLOAT32, AnswerOptions, TrainerOptions, decode
from albert_tfx.seeds import answers, calibrating
from albert_tfx.seeds.answers import Answers
from albert_tfx.seeds.precision import PrecisionChange
from albert_tfx.tuning import rates

OPTIONS_KEY, ANSWERS_KEY = "options", "answers"
_WARMUP_TEXTS = 4


def run_fn(fn_args: FnArgs) -> None:
    """TFX Trainer's entry point.

    Args:
      fn_args: With the Trainer's artifacts; `custom_config` has, as `albert_tfx.options.encode`
        gives them, `TrainerOptions` by `OPTIONS_KEY` and `AnswerOptions` by `ANSWERS_KEY`.
    """
    options = training.with_precision(decode(TrainerOptions, fn_args.custom_config[OPTIONS_KEY]))
    served_as = decode(AnswerOptions, fn_args.custom_config[ANSWERS_KEY])
    known = resolution.describe(options.encoder)
    pooling = encoder.require_fit(known, options.sequence_length, options.pooling)
    options = dataclasses.replace(options, pooling=pooling)
    class_names = schema.class_names(io_utils.SchemaReader().read(fn_args.schema_path))
    served_as.require_fit(class_names)
    files = training.TrainingFiles(
        fn_args.train_files,
        _of_split(EVAL, fn_args.eval_files),
        fn_args.transform_graph_path,
        fn_args.model_run_dir,
    )
    options, trials = rates.choose(options, len(class_names), files)
    splits = {
        split: patterns
        for split in (EVAL, TEST)
        if (patterns := _of_split(split, fn_args.eval_files))
    }
    measure = measurements.measure_by(options.metric, class_names)
    trained = repetition.train_each(options, len(class_names), files, splits, measure)
    texts = {split: batches.read_texts(patterns) for split, patterns in splits.items()}
    tokenizer = serving_model.Tokenizer(tft.TFTransformOutput(fn_args.transform_graph_path))
    class_shares = evidence.shares(files.labels, len(class_names))
    trained = calibrating.serve(
        trained,
        {split: labels for split, (_, labels) in texts.items()},
        {split: tokenizer.has_evidence(of_split) for split, (of_split, _) in texts.items()},
        class_shares,
        served_as.calibration,
    )

    tried = tuple(dataclasses.asdict(trial) for trial in trials)
    dataclasses.replace(trained.history, rates=tried).save(fn_args.model_run_dir)
    answered = {
        split: Answers.of(*texts[split], probabilities)
        for split, probabilities in trained.probabilities.items()
    }
    answers.save(fn_args.model_run_dir, answered)
    dataclasses.replace(known, pooling=pooling).save(fn_args.model_run_dir)
    server = functools.partial(
        serving_model.TextServer,
        tokenizer,
        trained.classifier,
        class_names,
        class_shares,
        trained.history.temperature,
        served_as,
        options.sequence_length,
    )
    if options.inference_precision != FLOAT32:
        of_eval, labels = texts[EVAL]
        PrecisionChange.between(
            labels,
            trained.probabilities[EVAL][trained.history.number],
            server(in_float32=True).answers(of_eval),
            served_as,
        ).save(fn_args.model_run_dir)
    server().export(fn_args.serving_model_dir)
    warmup = batches.sample_texts(splits[EVAL], _WARMUP_TEXTS)
    serving_model.write_warmup(fn_args.serving_model_dir, warmup)
    if TEST in answered:
        answers.keep(fn_args.serving_model_dir, answered[TEST])
    repetition.forget(options, files)


def _of_split(split: str, patterns: Sequence[str]) -> list[str]:
    """Returns the patterns of one split's files; TFX gives those of all splits together."""
    return [pattern for pattern in patterns if f"Split-{split}" in pattern.split("/")]
