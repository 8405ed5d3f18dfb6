"""The training of both models: the head on vectors, or the encoder with the head on token ids."""

import dataclasses
import functools
import hashlib
import json
import logging
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from etils import epath

from albert_tfx import sources
from albert_tfx.contract import FINE_TUNED, FROZEN, trainer_id
from albert_tfx.errors import InputError
from albert_tfx.modeling import acceleration, batches, fitting
from albert_tfx.modeling.classifier import (
    TextClassifier,
    build_head,
    encoder_optimizer,
    head_optimizer,
)
from albert_tfx.modeling.encoder import PooledEncoder
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.options import (
    ACCURACY_METRIC,
    BALANCED,
    BFLOAT16,
    FLOAT32,
    LOG_LOSS_METRIC,
    PRECISION_AUTO,
    XLA_AUTO,
    XLA_ON,
    TrainerOptions,
    encode,
)
from albert_tfx.progress import Progress, report
from albert_tfx.resources import gpu, memory
from albert_tfx.storage import component_folder

_LOGGER = logging.getLogger(__name__)
# A fine-tuned model becomes too sure of itself long before its answers are at their best: on 400
# texts the epoch of the least loss was 12 points of accuracy below the last. The head alone
# loses nothing by the epoch of the least loss, and has better probabilities.
BEST_BY = {FROZEN: fitting.BestBy.LOSS, FINE_TUNED: fitting.BestBy.ACCURACY}


# Break-even, with the eight lengths of `batches`: see benchmarks/README.md.
_FEWEST_STEPS_OF_ENGINE = 400
# A step takes 0.54 of its time at a width of 192, and 1.12 at 768: see there as well.
_WIDEST_IN_FLOAT32 = 256


@dataclasses.dataclass(frozen=True)
class TrainingFiles:
    """What a training reads, and where it writes.

    Attributes:
      training: Patterns of the files to train on: `embeddings` for the frozen model,
        `transformed_examples` for the fine-tuned one.
      validation: Patterns of the files that decide which epoch is the best, likewise.
      transform_graph: Folder of Transform's graph, which made them.
      logs: Folder for TensorBoard, of a Trainer's `model_run`.
    """

    training: Sequence[str]
    validation: Sequence[str]
    transform_graph: str
    logs: str

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """Labels of the texts to train on, int64 `[texts]`; read at the first call."""
        return batches.read_labels(self.training)

    def checkpoints(self, options: TrainerOptions) -> str:
        """Returns where a training that is started again finds what the same one left."""
        return self.kept("checkpoints", options)

    def tensorboard(self, options: TrainerOptions) -> str:
        """Returns the folder of a training's curves: one of its own where there are several."""
        return f"{self.logs}/seed-{options.seed}" if options.seeds > 1 else self.logs

    def kept(self, name: str, options: TrainerOptions, module: str = __name__) -> str:
        """Returns the path of what is kept for the same work on the same texts, done again.

        A new execution has new artifact folders, but below the same component's folder. Whether the
        work is the same follows from what it would train, on what, and by which code.

        Args:
          name: Of the folder that holds such paths.
          options: Of the training.
          module: Whose code does the work.
        """
        code = sources.fingerprint([module])
        inputs = [sorted(self.training), sorted(self.validation), self.transform_graph]
        training = json.dumps([code, encode(options), *inputs], sort_keys=True)
        key = hashlib.sha256(training.encode()).hexdigest()[:16]
        return f"{component_folder(self.logs)}/{name}/{key}"


def best_by(options: TrainerOptions) -> fitting.BestBy:
    """Returns what decides which epoch is the best: the metric that decides what wins.

    Where that is the accuracy, it is `BEST_BY`.
    """
    if options.metric == ACCURACY_METRIC:
        return BEST_BY[options.model]
    is_loss = options.metric == LOG_LOSS_METRIC
    return fitting.BestBy.LOSS if is_loss else fitting.BestBy.METRIC


def train(
    options: TrainerOptions,
    classes: int,
    files: TrainingFiles,
    number: int = 0,
    measure: fitting.Measure | None = None,
) -> tuple[TextClassifier, TrainingHistory]:
    """Trains on every GPU of this machine, and goes on where the same training was stopped.

    Args:
      options: How to train, with the precision that `with_precision` chose.
      classes: Number of classes.
      files: What to train on. The checkpoints stay until `fitting.forget` removes them.
      number: Of this training, from 0, among the `options.seeds` of its recipe.
      measure: What measures an epoch, where `best_by` gives the metric; see `fitting.Plan`.

    Returns:
      A model that depends on one device alone, with the weights of its best epoch, and its history.
    """
    tf.keras.utils.set_random_seed(options.seed)
    chosen = strategy(options)
    goes_on = epath.Path(files.checkpoints(options)).exists()
    with memory.taken() as used, chosen.scope():
        classifier = build(options, classes)
        classifier.encoder.seed_dropout(options.seed)
        history = _train(classifier, options, files, number, measure)
    if not goes_on:  # what is left of a training need not take what all of it does
        history = dataclasses.replace(history, train_memory_bytes=used.bytes)
    if chosen.num_replicas_in_sync == 1:
        return classifier, history
    alone = build(options, classes)
    alone.set_weights(classifier.get_weights())
    return alone, history


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
            f"A batch of {options.batch_size} texts cannot be shared evenly by {replicas} GPUs "
            f"in {options.gradient_accumulation} parts each",
            "Give another --batch-size, or name fewer GPUs in CUDA_VISIBLE_DEVICES",
        )
    return tf.distribute.MirroredStrategy()


def is_compiled(options: TrainerOptions) -> bool:
    """Returns whether XLA is to compile: on a CPU oneDNN trains faster, by a quarter."""
    gpus = len(tf.config.list_logical_devices("GPU"))
    return options.model == FINE_TUNED and (
        (options.xla == XLA_ON and gpus < 2) or (options.xla == XLA_AUTO and gpus == 1)
    )


def engine_pays(options: TrainerOptions, total_steps: int, hidden_size: int) -> bool:
    """Returns whether a training gains by the programs of `albert_tfx.engine`.

    XLA makes two for each length of the batches, which takes processor time and saves some in every
    step. In float32 its products are slower than oneDNN's, and the wider the layers, the more of a
    step are products. Only what is known beforehand decides, so that one seed gives one model. On a
    GPU `build` decides, as XLA would compile the whole encoder there for each length.
    """
    has_gpu = bool(tf.config.list_logical_devices("GPU"))
    is_long = total_steps >= _FEWEST_STEPS_OF_ENGINE
    is_narrow = options.precision == BFLOAT16 or hidden_size <= _WIDEST_IN_FLOAT32
    return options.xla == XLA_AUTO and is_long and is_narrow and not has_gpu


def with_precision(options: TrainerOptions) -> TrainerOptions:
    """Returns `options` with the precision that training on this machine is to have.

    On a GPU bfloat16 is the engine's alone: where `build` finds none, training is in float32.
    """
    gpus = len(tf.config.list_logical_devices("GPU"))
    chosen = options.precision
    if options.model != FINE_TUNED or options.xla == XLA_ON or chosen == FLOAT32:
        chosen = FLOAT32
    elif gpus:
        chosen = BFLOAT16 if is_compiled(options) and _gpu_has_bfloat16() else FLOAT32
    elif chosen == PRECISION_AUTO:
        chosen = BFLOAT16 if acceleration.bfloat16_pays() else FLOAT32
    return dataclasses.replace(options, precision=chosen)


def _gpu_has_bfloat16() -> bool:
    found = gpu.has_bfloat16()
    if not found:
        _LOGGER.warning("Fine-tuning is in float32, as this GPU does not multiply in bfloat16")
    return found


def build(options: TrainerOptions, classes: int) -> TextClassifier:
    """Returns the classifier with its head untrained, compiled by XLA where that is wanted.

    On a GPU the engine takes the place of that, where there is one for the encoder.
    """
    encoder = PooledEncoder(
        options.encoder,
        options.pooling,
        trainable=options.model == FINE_TUNED,
        inference_precision=options.inference_precision,
        unfreeze=options.unfreeze,
    )
    one_token = tf.ones([1, 1], tf.int32)
    hidden_size = encoder(one_token).shape[-1]
    classifier = TextClassifier(encoder, build_head(options, hidden_size, classes))
    classifier(one_token)
    if is_compiled(options) and not _trains_on_gpu_by_engine(encoder, options):
        encoder.compile_training()
    return classifier


def _trains_on_gpu_by_engine(encoder: PooledEncoder, options: TrainerOptions) -> bool:
    if options.precision != BFLOAT16:
        return False
    by_engine = _train_by_engine(encoder, options)
    if not by_engine:
        _LOGGER.warning("Without the engine, fine-tuning on this GPU is in float32")
    return by_engine


def _train_by_engine(encoder: PooledEncoder, options: TrainerOptions) -> bool:
    return encoder.train_by_engine(
        tf.as_dtype(options.precision),
        options.batch_size // options.gradient_accumulation,
        options.sequence_length,
    )


def used_precision(encoder: PooledEncoder, options: TrainerOptions) -> str:
    """Returns the precision in which an encoder that `build` made is trained."""
    in_float32 = is_compiled(options) and not encoder.has_engine
    return FLOAT32 if in_float32 else options.precision


def _train(
    classifier: TextClassifier,
    options: TrainerOptions,
    files: TrainingFiles,
    number: int,
    measure: fitting.Measure | None,
) -> TrainingHistory:
    model, read, buckets = what_to_train(classifier, options)
    training, validation = read(files.training), read(files.validation)
    epochs, steps_per_epoch = extent(options, len(files.labels))
    configure(model, options, steps_per_epoch * epochs)
    progress = _ProgressReport(options, epochs, steps_per_epoch, number)
    state = fitting.fit(
        model,
        batches.weighted(
            batches.training_batches(training, options.batch_size, options.seed, buckets),
            class_weights(files.labels, options),
        ),
        batches.evaluation_batches(validation, options.batch_size, buckets),
        fitting.Plan(
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            best_by=best_by(options),
            measure=measure if best_by(options) is fitting.BestBy.METRIC else None,
            checkpoints=files.checkpoints(options),
        ),
        callbacks=[
            tf.keras.callbacks.TensorBoard(files.tensorboard(options), write_graph=False),
            progress,
        ],
        on_resume=progress.on_resume,
    )
    return TrainingHistory(
        model=options.model,
        epochs=tuple(state.epochs),
        best_epoch=state.best_epoch,
        train_seconds=state.seconds,
        trainable_parameters=_count(model.trainable_variables),
        parameters=_count(classifier.weights),
        seed=options.seed,
        precision=used_precision(classifier.encoder, options),
        inference_precision=options.inference_precision,
        learning_rate=_peak_rate(options),
    )


def _count(variables: Sequence[tf.Variable]) -> int:
    """Returns how many weights there are; what counts steps is none."""
    return sum(int(tf.size(each)) for each in variables if each.dtype.is_floating)


def class_weights(labels: np.ndarray, options: TrainerOptions) -> list[float] | None:
    """Returns what the loss of each class's texts counts; None where all count alike."""
    return batches.balanced_weights(labels) if options.class_weights == BALANCED else None


def _peak_rate(options: TrainerOptions) -> float:
    is_fine_tuned = options.model == FINE_TUNED
    return float(options.encoder_learning_rate if is_fine_tuned else options.head_learning_rate)


def extent(options: TrainerOptions, count: int) -> tuple[int, int]:
    """Returns the epochs of a training on `count` texts, and the steps of each.

    >>> extent(TrainerOptions("fine_tuned", "any", epochs=2, least_steps=400, batch_size=16), 400)
    (16, 25)
    """
    steps_per_epoch = max(count // options.batch_size, 1)
    return max(options.epochs, -(-options.least_steps // steps_per_epoch)), steps_per_epoch


def what_to_train(
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


def configure(
    model: tf.keras.Model, options: TrainerOptions, total_steps: int, planned_steps: int = 0
) -> None:
    """Makes `model` ready to be trained.

    Args:
      model: A `TextClassifier`, or the head of one.
      options: With the precision that `with_precision` chose.
      total_steps: After which the rate is zero.
      planned_steps: Of all trainings of this model, where there are further ones.
    """
    settings: dict[str, object] = {"optimizer": head_optimizer(options, total_steps)}
    if isinstance(model, TextClassifier):
        hidden_size = model.head.input_shape[-1]
        of_model = max(total_steps, planned_steps)
        by_engine = engine_pays(options, of_model, hidden_size) and _train_by_engine(
            model.encoder, options
        )
        settings["encoder_optimizer"] = encoder_optimizer(options, total_steps)
        settings["gradient_accumulation"] = options.gradient_accumulation
        is_plain = not by_engine and not is_compiled(options)
        settings["in_bfloat16"] = options.precision == BFLOAT16 and is_plain
        settings["label_smoothing"] = options.label_smoothing
    model.compile(
        **settings,
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    if not isinstance(model, TextClassifier):
        model.optimizer.build(model.trainable_variables)


class _ProgressReport(tf.keras.callbacks.Callback):
    """Reports steps as they are taken."""

    def __init__(
        self, options: TrainerOptions, epochs: int, steps_per_epoch: int, number: int
    ) -> None:
        super().__init__()
        self._trainer = trainer_id(options.model)
        self._epochs = epochs
        self._steps_per_epoch = steps_per_epoch
        self._epoch = 0
        self._number, self._seeds = number, options.seeds

    def on_resume(self, state: fitting.TrainingState) -> None:
        """Reports the step from which a stopped training goes on."""
        self._report_step(state.step, "goes on from the last checkpoint")

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._report_metrics(batch + 1, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._report_metrics(self._steps_per_epoch, logs or {})

    def _report_metrics(self, step: int, logs: dict[str, float]) -> None:
        metrics = ", ".join(f"{name} {value:.3f}" for name, value in logs.items())
        self._report_step(
            self._epoch * self._steps_per_epoch + step,
            f"epoch {self._epoch + 1}/{self._epochs}, {metrics}",
        )

    def _report_step(self, completed: int, detail: str) -> None:
        steps = self._epochs * self._steps_per_epoch
        if self._seeds > 1:
            detail = f"seed {self._number + 1}/{self._seeds}, {detail}"
        completed += self._number * steps
        report(Progress(self._trainer, completed, self._seeds * steps, "steps", detail))
