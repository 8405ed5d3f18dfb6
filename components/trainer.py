"""The Trainers' one entry point: `run_fn` trains the frozen and the fine-tuned model alike.

`frozen` trains the head on vectors that EmbeddingGen made; `fine_tuned` trains the encoder with
the same head on token ids. Both export the same serving model.
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Sequence

import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.utils import io_utils

from albert_tfx.contract import FINE_TUNED, trainer_id
from albert_tfx.data import schema
from albert_tfx.errors import InputError
from albert_tfx.modeling import batches, fitting, optimization, precision, warmup
from albert_tfx.modeling.classifier import TextClassifier, build_head
from albert_tfx.modeling.encoder import PooledEncoder
from albert_tfx.modeling.serving_model import TextServer
from albert_tfx.modeling.training_history import TrainingHistory
from albert_tfx.options import (
    BFLOAT16,
    FLOAT32,
    PRECISION_AUTO,
    XLA_AUTO,
    XLA_ON,
    TrainerOptions,
    decode,
    encode,
)
from albert_tfx.progress import Progress, report

OPTIONS_KEY = "options"
_WARMUP_TEXTS = 4


def run_fn(fn_args: FnArgs) -> None:
    """TFX Trainer's entry point.

    Args:
      fn_args: With the Trainer's artifacts; `custom_config["options"]` is `TrainerOptions` as
        `albert_tfx.options.encode` gives them.
    """
    options = with_precision(decode(TrainerOptions, fn_args.custom_config[OPTIONS_KEY]))
    tf.keras.utils.set_random_seed(options.seed)
    class_names = schema.class_names(io_utils.SchemaReader().read(fn_args.schema_path))
    classifier, history = _trained(options, len(class_names), fn_args)

    history.save(fn_args.model_run_dir)
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    TextServer(transform_output, classifier, class_names).export(fn_args.serving_model_dir)
    texts = batches.sample_texts(fn_args.eval_files, _WARMUP_TEXTS)
    warmup.write(fn_args.serving_model_dir, texts)
    fitting.forget(_checkpoints(options, fn_args))


def strategy(options: TrainerOptions) -> tf.distribute.Strategy:
    """Returns how to train: on all GPUs of this machine alike where fine-tuning has several.

    Raises:
      InputError: They cannot share a batch evenly.
    """
    replicas = len(tf.config.list_logical_devices("GPU"))
    if options.model != FINE_TUNED or replicas < 2:
        return tf.distribute.get_strategy()
    if options.batch_size % (replicas * options.gradient_accumulation):
        raise InputError(
            f"A batch of {options.batch_size} reviews cannot be shared evenly by {replicas} GPUs "
            f"in {options.gradient_accumulation} parts each",
            "Give another --batch-size, or name fewer GPUs in CUDA_VISIBLE_DEVICES",
        )
    return tf.distribute.MirroredStrategy()


def is_compiled(options: TrainerOptions) -> bool:
    """Says whether XLA is to compile: on a CPU oneDNN trains faster, by a quarter."""
    gpus = len(tf.config.list_logical_devices("GPU"))
    return options.model == FINE_TUNED and (
        (options.xla == XLA_ON and gpus < 2) or (options.xla == XLA_AUTO and gpus == 1)
    )


def with_precision(options: TrainerOptions) -> TrainerOptions:
    """Returns `options` with the precision that they come to on this machine."""
    on_gpu = tf.config.list_logical_devices("GPU")
    chosen = options.precision
    if options.model != FINE_TUNED or is_compiled(options) or on_gpu:
        chosen = FLOAT32
    elif chosen == PRECISION_AUTO:
        chosen = BFLOAT16 if precision.bfloat16_pays() else FLOAT32
    return dataclasses.replace(options, precision=chosen)


def _trained(
    options: TrainerOptions, classes: int, fn_args: FnArgs
) -> tuple[TextClassifier, TrainingHistory]:
    """Trains on every GPU of this machine; returns a model that knows of one device alone."""
    chosen = strategy(options)
    with chosen.scope():
        classifier = build(options, classes)
        history = _train(classifier, options, fn_args)
    if chosen.num_replicas_in_sync == 1:
        return classifier, history
    alone = build(options, classes)
    alone.set_weights(classifier.get_weights())
    return alone, history


def build(options: TrainerOptions, classes: int) -> TextClassifier:
    """Returns the classifier with its head untrained, compiled by XLA where that is wanted."""
    encoder = PooledEncoder(options.encoder, options.pooling, trainable=options.model == FINE_TUNED)
    one_token = tf.ones([1, 1], tf.int32)
    hidden_size = encoder(one_token).shape[-1]
    classifier = TextClassifier(encoder, build_head(options, hidden_size, classes))
    classifier(one_token)
    if is_compiled(options):
        encoder.compile_training()
    return classifier


def _train(classifier: TextClassifier, options: TrainerOptions, fn_args: FnArgs) -> TrainingHistory:
    model, read, buckets = _what_to_train(classifier, options)
    training, validation = read(fn_args.train_files), read(fn_args.eval_files)
    steps_per_epoch = max(batches.count(training) // options.batch_size, 1)
    configure(model, options, steps_per_epoch * options.epochs)
    plan = fitting.Plan(
        epochs=options.epochs,
        steps_per_epoch=steps_per_epoch,
        patience=options.patience,
        checkpoints=_checkpoints(options, fn_args),
    )
    progress = _ProgressReport(options, steps_per_epoch)
    course = fitting.fit(
        model,
        batches.training_batches(training, options.batch_size, options.seed, buckets),
        batches.evaluation_batches(validation, options.batch_size, buckets),
        plan,
        callbacks=[
            tf.keras.callbacks.TensorBoard(fn_args.model_run_dir, write_graph=False),
            progress,
        ],
        on_resume=progress.on_resume,
    )
    return TrainingHistory(
        model=options.model,
        epochs=tuple(course.epochs),
        best_epoch=course.best_epoch,
        train_seconds=course.seconds,
        trainable_parameters=sum(int(tf.size(v)) for v in model.trainable_variables),
        parameters=classifier.count_params(),
        seed=options.seed,
        precision=options.precision,
    )


def _checkpoints(options: TrainerOptions, fn_args: FnArgs) -> str:
    """Returns where a Trainer that is started again finds what the same one left.

    A new execution has new artifact folders, but below the same component's folder; what it would
    train, and on what, tells whether it is the same.
    """
    inputs = [sorted(fn_args.train_files), sorted(fn_args.eval_files), fn_args.transform_graph_path]
    training = json.dumps([encode(options), *inputs], sort_keys=True)
    key = hashlib.sha256(training.encode()).hexdigest()[:16]
    component, _, _ = fn_args.model_run_dir.rstrip("/").rsplit("/", 2)
    return f"{component}/checkpoints/{key}"


def _what_to_train(
    classifier: TextClassifier, options: TrainerOptions
) -> tuple[tf.keras.Model, Callable[[Sequence[str]], tf.data.Dataset], list[int] | None]:
    """Returns the model to fit, how to read its examples, and the lengths that they may have."""
    if options.model == FINE_TUNED:
        buckets = batches.bucket_lengths(options.sequence_length)
        return classifier, batches.read_token_ids, buckets
    hidden_size = classifier.head.input_shape[-1]
    return (
        classifier.head,
        functools.partial(batches.read_embeddings, hidden_size=hidden_size),
        None,
    )


def configure(model: tf.keras.Model, options: TrainerOptions, total_steps: int) -> None:
    """Makes `model` ready to be trained, a `TextClassifier` or the head of one."""
    settings: dict[str, object] = {"optimizer": optimization.head_optimizer(options, total_steps)}
    if isinstance(model, TextClassifier):
        settings["encoder_optimizer"] = optimization.encoder_optimizer(options, total_steps)
        settings["gradient_accumulation"] = options.gradient_accumulation
        settings["in_bfloat16"] = options.precision == BFLOAT16
    model.compile(
        **settings,
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    if not isinstance(model, TextClassifier):
        model.optimizer.build(model.trainable_variables)


class _ProgressReport(tf.keras.callbacks.Callback):
    """Reports steps as they are taken."""

    def __init__(self, options: TrainerOptions, steps_per_epoch: int) -> None:
        super().__init__()
        self._options = options
        self._steps_per_epoch = steps_per_epoch
        self._epoch = 0

    def on_resume(self, course: fitting.Course) -> None:
        """Says from where a training goes on that was stopped."""
        self._say(course.step, "goes on from the last checkpoint")

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._report(batch + 1, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._report(self._steps_per_epoch, logs or {})

    def _report(self, step: int, logs: dict[str, float]) -> None:
        metrics = ", ".join(f"{name} {value:.3f}" for name, value in logs.items())
        self._say(
            self._epoch * self._steps_per_epoch + step,
            f"epoch {self._epoch + 1}/{self._options.epochs}, {metrics}",
        )

    def _say(self, completed: int, detail: str) -> None:
        total = self._options.epochs * self._steps_per_epoch
        report(Progress(trainer_id(self._options.model), completed, total, "steps", detail))
