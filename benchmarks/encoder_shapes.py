"""What an ALBERT in TF Hub's format is like inside, and what one pass through it costs."""

import argparse
import collections
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Shape = tuple[int, ...]

_QUERY = re.compile(r"query/einsum(_\d+)?/Einsum$")
_FEWEST_POSITIONS = 32
_PROJECT = Path(__file__).resolve().parents[1]
MINI = _PROJECT / "assets" / "albert_en_mini"


@dataclasses.dataclass(frozen=True)
class EncoderShapes:
    """The sizes of an ALBERT, whose layers share one set of weights.

    Attributes:
      vocabulary: Rows of the token embeddings.
      positions: Longest input.
      embedding: Width of the token embeddings.
      hidden: Width of the layers.
      layers: How often the layer is applied.
      heads: Attention heads of a layer.
      intermediate: Width of the feed-forward part of a layer.
    """

    vocabulary: int
    positions: int
    embedding: int
    hidden: int
    layers: int
    heads: int
    intermediate: int

    def __str__(self) -> str:
        return (
            f"{self.layers} layers, hidden {self.hidden}, {self.heads} heads, intermediate "
            f"{self.intermediate}, embeddings {self.vocabulary:,} x {self.embedding}"
        )

    def forward_flops(self, reviews: int, length: int) -> int:
        """Returns the floating-point operations of a forward pass, of its matrix products alone.

        2 x tokens x layers x (4 h^2 + 2 h i + 2 L h): a multiplication and an addition for each
        weight of the four projections and of the feed-forward part, and for each of the L keys and
        values that a token attends to. Embeddings, softmax, normalisations and the head, some 2 %
        of it, are left out, so that a rate is rather too low than too high.
        """
        h, i = self.hidden, self.intermediate
        return 2 * reviews * length * self.layers * (4 * h * h + 2 * h * i + 2 * length * h)

    def train_flops(self, reviews: int, length: int) -> int:
        """Returns those of a training step: the gradients cost two forward passes more."""
        return 3 * self.forward_flops(reviews, length)

    def matrix_products(self, tokens: int) -> list[tuple[int, int, int]]:
        """Returns the (rows, inner, columns) of the large products of a layer."""
        h, i = self.hidden, self.intermediate
        return [(tokens, h, h), (tokens, h, i), (tokens, i, h)]

    def albert_config(self) -> dict[str, Any]:
        """Returns arguments of transformers' `AlbertConfig` for these sizes, without dropout."""
        return {
            "vocab_size": self.vocabulary,
            "embedding_size": self.embedding,
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.intermediate,
            "max_position_embeddings": self.positions,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "classifier_dropout_prob": 0.0,
        }


def read(folder: Path, layers: int | None = None) -> EncoderShapes:
    """Reads the sizes off a SavedModel; it is not loaded.

    Args:
      folder: The encoder.
      layers: How many layers it has, or None to count them in its graph.

    Raises:
      SystemExit: It is no ALBERT, or its layers cannot be counted.
    """
    return from_variables(_shapes_of_variables(folder), layers or _count_layers(folder))


def require_within(encoder: Path, model: Path) -> None:
    """Refuses a classifier that has not all the weights of an encoder.

    Raises:
      SystemExit: `model` was not made with `encoder`.
    """
    of_encoder, of_model = map(collections.Counter, map(_shapes_of_variables, (encoder, model)))
    if of_encoder - of_model:
        raise SystemExit(f"error: {model} was not made with the encoder {encoder}")


def command_option(encoder: Path) -> list[str]:
    """Returns the option that names an encoder other than the default, without its folder."""
    return [] if encoder == MINI else [f"--encoder={encoder.name}"]


def add_encoder_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--encoder`, `--layers` and `--preprocessor`."""
    parser.add_argument(
        "--encoder",
        type=Path,
        default=MINI,
        metavar="FOLDER",
        help="an ALBERT in TF Hub's format (default: the small one in assets)",
    )
    parser.add_argument("--layers", type=int, help="of it (default: counted in its graph)")
    parser.add_argument(
        "--preprocessor",
        default="asset://albert_en_mini_preprocess",
        metavar="HANDLE",
        help="the encoder's (default: the small ALBERT's)",
    )


def _shapes_of_variables(folder: Path) -> list[Shape]:
    import tensorflow as tf

    checkpoint = str(folder / "variables" / "variables")
    return [tuple(shape) for _, shape in tf.train.list_variables(checkpoint)]


def from_variables(shapes: Sequence[Shape], layers: int) -> EncoderShapes:
    """Finds the sizes in the shapes of all variables, which need not have telling names.

    Raises:
      SystemExit: They are not those of an ALBERT.
    """
    matrices = [shape for shape in shapes if len(shape) == 2]
    # Those of query, key and value are [hidden, heads, size].
    kernels = [s for s in shapes if len(s) == 3 and s[0] == s[1] * s[2]]
    if len(kernels) != 3:
        raise SystemExit(
            f"error: an ALBERT has 3 kernels [hidden, heads, size]; this encoder has {len(kernels)}"
        )
    hidden, heads, _ = kernels[0]
    vocabulary, embedding = max(matrices)
    (positions,) = (
        rows
        for rows, width in matrices
        if width == embedding and _FEWEST_POSITIONS <= rows < vocabulary
    )
    (intermediate,) = (
        width for rows, width in matrices if rows == hidden != width and (width, rows) in matrices
    )
    return EncoderShapes(vocabulary, positions, embedding, hidden, layers, heads, intermediate)


def _count_layers(folder: Path) -> int:
    """Counts the query projections of the function in which the whole encoder is."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    counts = collections.Counter(
        function.signature.name
        for function in model.meta_graphs[0].graph_def.library.function
        for node in function.node_def
        if _QUERY.search(node.name)
    )
    if not counts:
        raise SystemExit(f"error: the layers of {folder} cannot be counted; give --layers")
    return max(counts.values())
