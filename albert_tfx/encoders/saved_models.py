"""What is known of an encoder that is a SavedModel: by its files, without loading it.

Names and shapes of variables, and what functions take and return, are in `saved_model.pb`
(https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/saved_object_graph.proto).
"""

import dataclasses
import functools
import math
import os
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from etils import epath
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from albert_tfx.contract import CLASSIFY_TEXT, INPUT_WORD_IDS, POOLED_OUTPUT
from albert_tfx.errors import InputError, one_line

_AGAIN = "Its files may be incomplete: fetch or export the model again"
_FEWEST_POSITIONS = 32


@dataclasses.dataclass(frozen=True)
class SavedEncoder:
    """What the files of an encoder tell.

    Attributes:
      weights: Names and shapes of the variables of floating point; others count steps.
      outputs: What the functions that take token ids return, by name; empty where unknown.
    """

    weights: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: frozenset[str]

    @property
    def parameters(self) -> int:
        """How many weights there are."""
        return sum(math.prod(shape) for _, shape in self.weights)

    @property
    def tables(self) -> list[tuple[str, int, int]]:
        """Name, rows and width of each matrix."""
        return [(name, *shape) for name, shape in self.weights if len(shape) == 2]

    @property
    def has_pooled_output(self) -> bool:
        """Whether it gives `pooled_output`; true as well where the files do not tell."""
        return not self.outputs or POOLED_OUTPUT in self.outputs

    @functools.cached_property
    def positions(self) -> int | None:
        """Rows of the table of positions, None where no table is plainly that.

        By its name; where names do not tell, an encoder with factorised embeddings, as ALBERT's
        are, has two large tables of the embedding's width: its tokens' and its positions'.
        """
        tables = [each for each in self.tables if each[1] >= _FEWEST_POSITIONS]
        named = {rows for name, rows, _ in tables if "position" in name}
        if not named and tables:
            _, most, width = max(tables, key=lambda each: each[1])
            named = {rows for _, rows, other in tables if other == width and rows != most}
        return named.pop() if len(named) == 1 else None


def inspect(folder: str) -> SavedEncoder:
    """Returns what the files of a SavedModel tell; reads them all, so that none is damaged.

    Raises:
      InputError: They are damaged, hold no weights, or are a model that a run pushed.
    """
    graph = _object_graph(folder)
    variables = [node.variable for node in graph.nodes if node.WhichOneof("kind") == "variable"]
    weights = [each for each in variables if tf.as_dtype(each.dtype).is_floating]
    _read_weights(folder)
    return SavedEncoder(
        tuple((each.name, tuple(dim.size for dim in each.shape.dim)) for each in weights),
        frozenset(name for names in _functions(graph) for name in names),
    )


def _object_graph(folder: str) -> Any:
    content = (epath.Path(folder) / "saved_model.pb").read_bytes()
    try:
        graph = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0]
    except (DecodeError, IndexError) as error:
        raise InputError(
            f"{folder}/saved_model.pb is damaged ({one_line(error)})", _AGAIN
        ) from error
    if CLASSIFY_TEXT in graph.signature_def:
        raise InputError(
            f"{folder} is no encoder, but a model that a run pushed, which gives classes",
            f"Give the encoder that it was made of, or ask it with predict.py --model {folder}",
        )
    return graph.object_graph_def


def _read_weights(folder: str) -> None:
    """Reads each weight once, whose checksum TensorFlow compares."""
    try:
        reader = tf.train.load_checkpoint(os.path.join(folder, "variables", "variables"))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, ValueError, IndexError, RuntimeError) as error:
        raise InputError(
            f"{folder} holds no weights, or damaged ones ({one_line(error)})",
            f"Give a text encoder in TF Hub's SavedModel format. {_AGAIN}",
        ) from error


def _functions(graph: Any) -> Iterator[set[str]]:
    """Yields the names of what each function returns that a call with token ids may run."""
    called = [each.node_id for each in graph.nodes[0].children if each.local_name == "__call__"]
    names = [name for node in called for name in graph.nodes[node].function.concrete_functions]
    for function in (graph.concrete_functions[name] for name in names):
        if INPUT_WORD_IDS in _keys(function.canonicalized_input_signature):
            yield set(_keys(function.output_signature))


def _keys(value: Any) -> Iterator[str]:
    """Yields the keys of all mappings in a `StructuredValue`."""
    kind = value.WhichOneof("kind")
    if kind == "dict_value":
        yield from value.dict_value.fields
        for each in value.dict_value.fields.values():
            yield from _keys(each)
    elif kind in ("tuple_value", "list_value"):
        for each in getattr(value, kind).values:
            yield from _keys(each)
