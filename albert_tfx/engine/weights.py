"""The weights of an encoder that is a SavedModel, found by the names of its variables."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence

import tensorflow as tf

from albert_tfx.encoders.layers import DROPOUT_SEED
from albert_tfx.engine.layer import LayerWeights

# Names of tf-models-official, whose exporter made TF Hub's ALBERT and BERT, and those of
# `encoders.layers`. In this order.
_NAMES = (
    ("transformer/layer_", "layer_"),
    ("transformer/", "layer_0/"),
    ("word_embeddings/embeddings", "embeddings/tokens"),
    ("position_embedding/embeddings", "embeddings/positions"),
    ("type_embeddings/embeddings", "embeddings/segments"),
    ("self_attention_layer_norm/", "attention/layer_norm/"),
    ("self_attention/attention_output/", "attention/output/"),
    ("self_attention/", "attention/"),
    ("output_layer_norm/", "layer_norm/"),
    ("pooler_transform/", "pooler/"),
    ("encoder/", ""),
)


@dataclasses.dataclass(frozen=True)
class EncoderVariables:
    """The variables of an encoder.

    Attributes:
      by_name: The variables by the names that `encoders.layers` gives them.
      layers: Layers with weights of their own.
    """

    by_name: Mapping[str, tf.Variable]
    layers: int

    @classmethod
    def of(cls, variables: Sequence[tf.Variable]) -> "EncoderVariables":
        """Finds them among those of a loaded SavedModel.

        Raises:
          ValueError: They are not those of an encoder of BERT's family.
        """
        by_name = {_plain(variable.name): variable for variable in variables}
        if not are_known(variable.name for variable in variables):
            raise ValueError("its variables have other names")
        return cls(by_name, _layers(by_name))

    @property
    def has_projection(self) -> bool:
        """Whether a dense layer maps embeddings to the layers' width."""
        return "embedding_projection/kernel" in self.by_name

    @property
    def has_pooler(self) -> bool:
        """Whether the encoder gives `pooled_output`."""
        return "pooler/kernel" in self.by_name

    @property
    def heads(self) -> int | None:
        """Attention heads, where a kernel's shape `[hidden_size, heads, head_size]` tells."""
        shape = self.by_name["layer_0/attention/query/kernel"].shape
        return int(shape[1]) if shape.rank == 3 else None

    @property
    def seed(self) -> tf.Variable | None:
        """The seed of dropout, int64 `[2]`: a seed, and the number of training steps."""
        return self.by_name.get(DROPOUT_SEED)

    def layer(self, index: int) -> LayerWeights:
        """Returns the float32 weights of a layer as they are now."""
        names = ("query", "key", "value")
        prefix = f"layer_{index}"
        kernels = [self._matrix(f"{prefix}/attention/{name}/kernel") for name in names]
        biases = [self._vector(f"{prefix}/attention/{name}/bias") for name in names]
        return LayerWeights(
            tf.concat(kernels, 1),
            tf.concat(biases, 0),
            *self._dense(f"{prefix}/attention/output"),
            *self._norm(f"{prefix}/attention/layer_norm"),
            *self._dense(f"{prefix}/intermediate"),
            *self._dense(f"{prefix}/output"),
            *self._norm(f"{prefix}/layer_norm"),
        )

    def _dense(self, name: str) -> tuple[tf.Tensor, tf.Tensor]:
        return self._matrix(f"{name}/kernel"), self._vector(f"{name}/bias")

    def _norm(self, name: str) -> tuple[tf.Tensor, tf.Tensor]:
        return self._vector(f"{name}/gamma"), self._vector(f"{name}/beta")

    def _matrix(self, name: str) -> tf.Tensor:
        """Returns a kernel `[inputs, outputs]`; TF Hub's are by head on one of the sides."""
        kernel = tf.convert_to_tensor(self.by_name[name])
        is_output = "attention/output" in name
        return tf.reshape(kernel, [-1, kernel.shape[-1]] if is_output else [kernel.shape[0], -1])

    def _vector(self, name: str) -> tf.Tensor:
        return tf.reshape(self.by_name[name], [-1])


def are_known(names: Iterable[str]) -> bool:
    """Returns whether variables have the names of those of an encoder of BERT's family."""
    found = set(map(_plain, names))
    return _layers(found) > 0 and found == _expected(found)


def of_last_layers(names: Collection[str], count: int, passed: int | None = None) -> frozenset[str]:
    """Returns the names of the variables of an encoder's last layers, and of its pooler.

    Args:
      names: Of all its variables of floating point.
      count: Of layers, 1 or more.
      passed: Layers that a token passes, where that is known.

    Raises:
      ValueError: Its variables are not known, its layers share weights, or it has fewer layers.
    """
    if not are_known(names):
        raise ValueError("how its layers compute is not known")
    plain = {name: _plain(name) for name in names}
    layers = _layers(plain.values())
    if layers < 2 or layers != (passed or layers):
        raise ValueError("its layers share their weights")
    if count > layers:
        raise ValueError(f"it has {layers} layers")
    last = tuple(f"layer_{index}/" for index in range(layers - count, layers))
    return frozenset(name for name in names if plain[name].startswith((*last, "pooler/")))


def _layers(names: Iterable[str]) -> int:
    return len({name.partition("/")[0] for name in names if name.startswith("layer_")})


def _expected(found: set[str]) -> set[str]:
    """Returns the names of the variables of an encoder with the layers and parts of `found`."""
    dense, norm = ("kernel", "bias"), ("gamma", "beta")
    parts = {"embeddings/tokens", "embeddings/positions"}
    parts |= {DROPOUT_SEED, "embeddings/segments"} & found
    parts |= {f"embeddings/layer_norm/{each}" for each in norm}
    for name in ("embedding_projection", "pooler"):
        if f"{name}/kernel" in found:
            parts |= {f"{name}/{each}" for each in dense}
    for index in range(_layers(found)):
        attention = [f"attention/{name}" for name in ("query", "key", "value", "output")]
        for name in (*attention, "intermediate", "output"):
            parts |= {f"layer_{index}/{name}/{each}" for each in dense}
        for name in ("attention/layer_norm", "layer_norm"):
            parts |= {f"layer_{index}/{name}/{each}" for each in norm}
    return parts


def _plain(name: str) -> str:
    plain = name.removesuffix(":0")
    for theirs, ours in _NAMES:
        if plain.startswith(theirs) or f"/{theirs}" in plain:
            plain = plain.replace(theirs, ours, 1)
    return plain
