"""The model that a run pushed: which it is, and how to ask it. Imports TensorFlow, never TFX."""

import contextlib
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etils import epath

from albert_tfx.contract import (
    CLASSIFY_TEXT,
    EXTRA_ASSETS,
    LABEL,
    LABELS,
    PROBABILITIES,
    SCORE,
    WARMUP_FILE,
)
from albert_tfx.errors import InputError, one_line
from albert_tfx.prediction.predictions import Answers
from albert_tfx.storage import digest_of, files_below, version_numbers

if TYPE_CHECKING:
    from albert_tfx.prediction.predictions import Probabilities

_MODEL_FILE = "saved_model.pb"
_OF_ONE_EXPORT = (_MODEL_FILE, "fingerprint.pb", "variables/", f"{EXTRA_ASSETS}/")
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_NUMBER = re.compile(r"_\d+$")


def newest(
    output: Path,
    reason: Callable[[Path], str | None] = lambda _: None,
    otherwise: str = ", or name another model with --model FOLDER",
) -> Path:
    """Returns the folder of the version that was pushed last.

    Args:
      output: The output folder of `local_runner.py`.
      reason: Returns why the last run into such a folder pushed no model, if that is known.
      otherwise: What else to do, after the advice to run `local_runner.py`.

    Raises:
      InputError: No model has been pushed there.
    """
    serving = output / "serving"
    versions = version_numbers(serving)
    if not versions:
        known = reason(output)
        because = f"; the last run pushed none: {known}".rstrip(".") if known else ""
        raise InputError(
            f"There is no pushed model in {serving}{because}",
            f"Make one with python local_runner.py --output {output}{otherwise}",
        )
    return serving / str(versions[-1])


def require_saved_model(folder: Path) -> None:
    """Refuses a folder that cannot be a model.

    Raises:
      InputError: It is no folder, or holds no SavedModel.
    """
    if (folder / _MODEL_FILE).is_file():
        return
    raise InputError(
        f"{folder} holds no {_MODEL_FILE}" if folder.is_dir() else f"There is no folder {folder}",
        "Give the folder of a pushed model, such as output/serving/VERSION",
    )


def answer_warmup(folder: epath.PathLike) -> None:
    """Loads a SavedModel and answers its warm-up requests, as a model server does with a version.

    TFX's InfraValidator asks a server in a container, which neither this machine nor each cluster
    can start.

    Raises:
      InputError: It cannot be loaded, or an answer is no distribution over the classes.
    """
    _answer_warmup(_load(folder), folder)


def _answer_warmup(model: Any, folder: epath.PathLike) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    warmup = epath.Path(folder) / EXTRA_ASSETS / WARMUP_FILE
    records = tf.data.TFRecordDataset(str(warmup)).as_numpy_iterator() if warmup.exists() else ()
    for record in records:
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        answers = model.signatures[request.model_spec.signature_name](
            **{name: tf.constant(value) for name, value in inputs.items()}
        )
        if not _are_probabilities(answers):
            raise InputError(
                f"The model in {folder} answers with numbers that are no probabilities",
                "Look into its training's history for a loss that is not finite",
            )


def _are_probabilities(answers: Mapping[str, Any]) -> bool:
    """Returns whether each text has a distribution over the classes, and its score is of one."""
    import numpy as np

    probabilities = answers[PROBABILITIES].numpy()
    sums_to_1 = np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-3)
    if SCORE not in answers:  # of an earlier version
        return sums_to_1
    scores = answers[SCORE].numpy()[:, np.newaxis]
    return sums_to_1 and bool(np.isclose(probabilities, scores).any(axis=1).all())


def content(folder: epath.PathLike) -> str:
    """Returns a hash of what a SavedModel computes: of its graph, its weights and other files.

    What travels with it for servers does not count. Each export has other files than the one
    before, also of the same weights: TensorFlow numbers its functions as it traces them, and writes
    the maps of its protocol buffers in any order.
    """
    import tensorflow as tf

    reader = tf.train.load_checkpoint(os.path.join(folder, "variables", "variables"))
    digest = hashlib.sha256()
    for name, shape in sorted(reader.get_variable_to_shape_map().items()):
        if name != _OBJECT_GRAPH:
            digest.update(f"{name} {shape} ".encode())
            digest.update(reader.get_tensor(name).tobytes())
    for part in _functions(folder):
        digest.update(part)
    others = [name for name in files_below(folder) if not name.startswith(_OF_ONE_EXPORT)]
    digest.update(digest_of(folder, others).encode())
    return digest.hexdigest()


@contextlib.contextmanager
def silenced_errors() -> Iterator[None]:
    """Keeps the messages of TensorFlow's C++ off the terminal."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _functions(folder: epath.PathLike) -> list[bytes]:
    """Returns a hash of each function of a graph, without the numbers in their names; sorted."""
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel.FromString((epath.Path(folder) / _MODEL_FILE).read_bytes())
    hashes = []
    for meta_graph in proto.meta_graphs:
        functions = meta_graph.graph_def.library.function
        for function in functions:
            function.signature.name = _NUMBER.sub("", function.signature.name)
            _rename_calls(function.node_def)
            hashes.append(hashlib.sha256(function.SerializeToString(deterministic=True)).digest())
    return sorted(hashes)


def _rename_calls(nodes: Iterable[Any]) -> None:
    for node in nodes:
        for value in node.attr.values():
            for called in (*([value.func] if value.HasField("func") else ()), *value.list.func):
                called.name = _NUMBER.sub("", called.name)


def _load(folder: epath.PathLike) -> Any:
    """Returns the SavedModel in `folder`.

    Raises:
      InputError: It cannot be loaded.
    """
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers the ops of tokenization

    try:
        return tf.saved_model.load(os.fspath(folder))
    except Exception as error:  # TensorFlow raises whatever the file led it to
        raise InputError(
            f"The model in {folder} cannot be loaded ({one_line(error)})",
            "Its files may be incomplete: push it again, or give another with --model FOLDER",
        ) from error


def answers_of(outputs: Mapping[str, Any]) -> Answers:
    """Returns what the arrays that a model gave for several texts say, by the outputs' names."""
    if LABEL not in outputs:  # of an earlier version
        return Answers(outputs[PROBABILITIES])
    labels = [label.decode() for label in outputs[LABEL]]
    return Answers(outputs[PROBABILITIES], labels, outputs[SCORE].tolist())


class PushedModel:
    """A pushed model, loaded.

    Attributes:
      class_names: The classes, in the order of the columns of `probabilities`.
    """

    def __init__(self, folder: Path) -> None:
        """Loads the SavedModel in `folder` and asks it once, which names the classes.

        Raises:
          InputError: It cannot be loaded, or is not one of ours.
        """
        require_saved_model(folder)
        model = _load(folder)
        if CLASSIFY_TEXT not in model.signatures:
            raise InputError(
                f"The model in {folder} has no signature {CLASSIFY_TEXT!r}; it has "
                f"{', '.join(model.signatures) or 'none'}",
                "Give a model that local_runner.py pushed",
            )
        self._model = model  # its signatures hold no reference to its variables
        self._folder = folder
        (labels,) = self._answer([""])[LABELS].numpy()
        self.class_names = tuple(label.decode() for label in labels)

    def probabilities(self, texts: Sequence[str]) -> "Probabilities":
        """Returns the probability of each class for each text, float32 `[texts, classes]`."""
        answers: Probabilities = self._answer(texts)[PROBABILITIES].numpy()
        return answers

    def answer_warmup(self) -> None:
        """Does what the function of this name does, with the model that is loaded already."""
        _answer_warmup(self._model, self._folder)

    def outputs(self, signature: str, values: Sequence[bytes]) -> dict[str, Any]:
        """Returns what a signature gives for its one input: arrays `[values, ...]`, by name."""
        answers = self._signature(signature, values)
        return {name: answer.numpy() for name, answer in answers.items()}

    def answers(self, texts: Sequence[str]) -> Answers:
        """Returns what the model says of each text; an older one gives no labels and scores."""
        return answers_of({name: value.numpy() for name, value in self._answer(texts).items()})

    def _answer(self, texts: Sequence[str]) -> dict[str, Any]:
        return self._signature(CLASSIFY_TEXT, texts)

    def _signature(self, name: str, values: Sequence[str] | Sequence[bytes]) -> dict[str, Any]:
        import tensorflow as tf

        signature = self._model.signatures[name]
        (argument,) = signature.structured_input_signature[1]
        answers: dict[str, Any] = signature(**{argument: tf.constant(values)})
        return answers
