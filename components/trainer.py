"""The Trainers' one entry point: `run_fn` trains the frozen and the fine-tuned model alike.

`frozen` trains the head on vectors that EmbeddingGen made; `fine_tuned` trains the encoder with
the same head on token ids. Both export the same serving model.
"""

import functools
import time
from collections.abc import Callable, Sequence

import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.utils import io_utils

from components import optimization, reviews, schema
from components.classifier import TextClassifier, build_head
from components.encoder import PooledEncoder
from components.features import FINE_TUNED
from components.options import TrainerOptions, decode
from components.progress import Progress, report
from components.serving import TextServer
from components.training_history import TrainingHistory

OPTIONS_KEY = "options"


def run_fn(fn_args: FnArgs) -> None:
    """TFX Trainer's entry point.

    Args:
      fn_args: With the Trainer's artifacts; `custom_config["options"]` is `TrainerOptions` as
        `components.options.encode` gives them.
    """
    options = decode(TrainerOptions, fn_args.custom_config[OPTIONS_KEY])
    tf.keras.utils.set_random_seed(options.seed)
    class_names = schema.class_names(io_utils.SchemaReader().read(fn_args.schema_path))
    classifier = _build(options, len(class_names))

    history = _train(classifier, options, fn_args)

    history.save(fn_args.model_run_dir)
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    TextServer(transform_output, classifier, class_names).export(fn_args.serving_model_dir)


def _build(options: TrainerOptions, classes: int) -> TextClassifier:
    encoder = PooledEncoder(options.encoder, options.pooling, trainable=options.model == FINE_TUNED)
    one_token = tf.ones([1, 1], tf.int32)
    hidden_size = encoder(one_token).shape[-1]
    classifier = TextClassifier(encoder, build_head(options, hidden_size, classes))
    classifier(one_token)
    return classifier


def _train(classifier: TextClassifier, options: TrainerOptions, fn_args: FnArgs) -> TrainingHistory:
    model, read, buckets = _what_to_train(classifier, options)
    training, validation = read(fn_args.train_files), read(fn_args.eval_files)
    steps_per_epoch = max(reviews.count(training) // options.batch_size, 1)
    _compile(model, options, steps_per_epoch * options.epochs)
    early_stopping = tf.keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=options.patience, restore_best_weights=True
    )
    started = time.monotonic()
    fitted = model.fit(
        reviews.training_batches(training, options.batch_size, options.seed, buckets),
        validation_data=reviews.evaluation_batches(validation, options.batch_size, buckets),
        epochs=options.epochs,
        steps_per_epoch=steps_per_epoch,
        callbacks=[
            early_stopping,
            tf.keras.callbacks.TensorBoard(fn_args.model_run_dir, write_graph=False),
            _ProgressReport(options, steps_per_epoch),
        ],
        verbose=0,
    )
    return TrainingHistory(
        model=options.model,
        epochs=_epochs(fitted.history),
        best_epoch=early_stopping.best_epoch,
        train_seconds=time.monotonic() - started,
        trainable_parameters=sum(int(tf.size(v)) for v in model.trainable_variables),
        parameters=classifier.count_params(),
        seed=options.seed,
    )


def _what_to_train(
    classifier: TextClassifier, options: TrainerOptions
) -> tuple[tf.keras.Model, Callable[[Sequence[str]], tf.data.Dataset], list[int] | None]:
    """Returns the model to fit, how to read its examples, and the lengths that they may have."""
    if options.model == FINE_TUNED:
        buckets = reviews.bucket_lengths(options.sequence_length)
        return classifier, reviews.read_token_ids, buckets
    hidden_size = classifier.head.input_shape[-1]
    return (
        classifier.head,
        functools.partial(reviews.read_embeddings, hidden_size=hidden_size),
        None,
    )


def _compile(model: tf.keras.Model, options: TrainerOptions, total_steps: int) -> None:
    optimizers = {"optimizer": optimization.head_optimizer(options, total_steps)}
    if isinstance(model, TextClassifier):
        optimizers["encoder_optimizer"] = optimization.encoder_optimizer(options, total_steps)
    model.compile(
        **optimizers,
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )


def _epochs(history: dict[str, list[float]]) -> tuple[dict[str, float], ...]:
    rows = zip(*history.values(), strict=True)
    return tuple(
        {name: float(value) for name, value in zip(history, row, strict=True)} for row in rows
    )


class _ProgressReport(tf.keras.callbacks.Callback):
    """Reports steps as they are taken."""

    def __init__(self, options: TrainerOptions, steps_per_epoch: int) -> None:
        super().__init__()
        self._options = options
        self._steps_per_epoch = steps_per_epoch
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._report(batch + 1, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._report(self._steps_per_epoch, logs or {})

    def _report(self, step: int, logs: dict[str, float]) -> None:
        metrics = ", ".join(f"{name} {value:.3f}" for name, value in logs.items())
        report(
            Progress(
                component=f"Trainer.{self._options.model}",
                completed=self._epoch * self._steps_per_epoch + step,
                total=self._options.epochs * self._steps_per_epoch,
                unit="steps",
                detail=f"epoch {self._epoch + 1}/{self._options.epochs}, {metrics}",
            )
        )
