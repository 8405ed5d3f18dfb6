"""An encoder's weights in `safetensors` files: which there are, of what shape, and their values."""

import dataclasses
import math
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import ml_dtypes  # noqa: F401  lets NumPy, and so safetensors, know bfloat16
import numpy as np
import safetensors

from albert_tfx.encoders.configuration import (
    ALBERT,
    DISTILBERT,
    EncoderConfiguration,
    open_file,
    path_within,
    read_json,
)
from albert_tfx.errors import InputError, one_line

_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_UNPICKLE = (
    "from transformers import AutoModel; "
    "AutoModel.from_pretrained({folder!r}).save_pretrained({folder!r})"
)
_FLOATS = {"F16", "BF16", "F32", "F64"}
# What numbers the layers in the names of tensors: ALBERT's by group and layer within the group.
_BERT_LAYER = re.compile(r"encoder\.layer\.(\d+)\.")
_DISTILBERT_LAYER = re.compile(r"transformer\.layer\.(\d+)\.")
_ALBERT_LAYER = re.compile(r"encoder\.albert_layer_groups\.(\d+)\.albert_layers\.(\d+)\.")
# What a tensor's name begins with where the encoder is a part of a larger model.
_PREFIX = re.compile(r"^(?:module\.|model\.|0\.auto_model\.|albert\.|(?:distil|ro)?bert[a]?\.)+")
_BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")
_EMBEDDINGS = {
    "embeddings/tokens": "embeddings.word_embeddings",
    "embeddings/positions": "embeddings.position_embeddings",
    "embeddings/segments": "embeddings.token_type_embeddings",
}
# The parts of a transformer layer, in this project's names and in those of transformers.
_LAYER_PARTS = (
    "attention/query",
    "attention/key",
    "attention/value",
    "attention/output",
    "attention/layer_norm",
    "intermediate",
    "output",
    "layer_norm",
)
_BERT_PARTS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)
_ALBERT_PARTS = (
    "attention.query",
    "attention.key",
    "attention.value",
    "attention.dense",
    "attention.LayerNorm",
    "ffn",
    "ffn_output",
    "full_layer_layer_norm",
)
_DISTILBERT_PARTS = (
    "attention.q_lin",
    "attention.k_lin",
    "attention.v_lin",
    "attention.out_lin",
    "sa_layer_norm",
    "ffn.lin1",
    "ffn.lin2",
    "output_layer_norm",
)


@dataclasses.dataclass(frozen=True)
class Weight:
    """One weight of an encoder.

    Attributes:
      name: Its name in `layers.Encoder`, such as `layer_0/attention/query/kernel`.
      source: Its name in transformers, without prefix.
      shape: Its shape in transformers, where a dense layer's matrix is `[outputs, inputs]`.
    """

    name: str
    source: str
    shape: tuple[int, ...]

    @property
    def is_transposed(self) -> bool:
        """Whether Keras holds it as `[inputs, outputs]`."""
        return self.name.endswith("/kernel")


def encoder_weights(configuration: EncoderConfiguration) -> list[Weight]:
    """Returns all weights of an encoder but the pooler's."""
    return [
        *_embedding_weights(configuration),
        *(
            weight
            for group in range(configuration.groups)
            for inner in range(configuration.inner_layers)
            for weight in _layer_weights(configuration, group, inner)
        ),
    ]


def pooler_weights(configuration: EncoderConfiguration) -> list[Weight]:
    """Returns the weights of the pooler, which not every checkpoint holds."""
    source = "pooler" if configuration.model_type == ALBERT else "pooler.dense"
    return _dense("pooler", source, configuration.hidden_size, configuration.hidden_size)


@dataclasses.dataclass(frozen=True)
class _Stored:
    file: Path
    name: str
    shape: tuple[int, ...]
    dtype: str


class Checkpoint:
    """The tensors of a model folder. Reads headers at first, and values when asked for them.

    Attributes:
      files: Files that hold the tensors.
      weights: The encoder's weights, with the pooler's where there are any.
      has_pooler: Whether there are any.
      unused: Names of tensors that are no part of the encoder, sorted.
    """

    def __init__(self, folder: str | os.PathLike[str], configuration: EncoderConfiguration) -> None:
        """Opens the `safetensors` files of a model folder.

        Raises:
          InputError: There are none, one is missing, truncated or a Git LFS pointer, or they lack
            a tensor of the encoder or hold one of another shape.
        """
        self.files = _files(Path(folder))
        self._stored = _by_short_name(self.files)
        self._check(Path(folder), list(_embedding_weights(configuration)))
        _require_all_layers(Path(folder), configuration, self._stored)
        self.weights = encoder_weights(configuration)
        pooler = pooler_weights(configuration)
        self.has_pooler = any(weight.source in self._stored for weight in pooler)
        if self.has_pooler:
            self.weights += pooler
        self._check(Path(folder), self.weights)
        used = {weight.source for weight in self.weights}
        unused = self._stored.keys() - used - set(_BUFFERS)
        self.unused = tuple(sorted(self._stored[name].name for name in unused))

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(math.prod(weight.shape) for weight in self.weights)

    def read(self) -> Iterator[tuple[Weight, np.ndarray]]:
        """Yields each weight with its values, float32 in the shape that Keras has, one at a time.

        Raises:
          InputError: A value is not finite.
        """
        for file in self.files:
            with safetensors.safe_open(file, "np") as opened:
                for weight in self.weights:
                    stored = self._stored[weight.source]
                    if stored.file == file:
                        yield weight, _values(opened.get_tensor(stored.name), weight, file)

    def _check(self, folder: Path, weights: Sequence[Weight]) -> None:
        missing = [each.source for each in weights if each.source not in self._stored]
        if missing:
            raise InputError(
                f"The weights in {folder} lack {_some(missing)}",
                "Give the folder of a whole encoder whose config.json fits its weights",
            )
        for weight in weights:
            _check_tensor(self._stored[weight.source], weight)


def _require_all_layers(
    folder: Path, configuration: EncoderConfiguration, names: Iterable[str]
) -> None:
    """Refuses weights of more or fewer layers than configured, before any is enumerated."""
    pattern, configured = _numbering(configuration)
    found = [match.groups() for match in map(pattern.match, names) if match]
    for place, (key, count) in enumerate(configured.items()):
        stored = len({numbers[place] for numbers in found})
        if stored != count:
            raise InputError(
                f"{folder / 'config.json'} has {key}: {count}, and the weights hold {stored}",
                "Give a folder whose config.json fits its weights",
            )


def _numbering(configuration: EncoderConfiguration) -> tuple[re.Pattern[str], dict[str, int]]:
    """Returns what numbers the layers in tensors' names, and how many each number may count."""
    if configuration.model_type == ALBERT:
        inner = configuration.inner_layers
        counts = {"num_hidden_groups": configuration.groups, "inner_group_num": inner}
        return _ALBERT_LAYER, counts
    if configuration.model_type == DISTILBERT:
        return _DISTILBERT_LAYER, {"n_layers": configuration.layers}
    return _BERT_LAYER, {"num_hidden_layers": configuration.layers}


def _embedding_weights(configuration: EncoderConfiguration) -> Iterator[Weight]:
    width = configuration.embedding_size
    rows = {
        "embeddings/tokens": configuration.vocabulary_size,
        "embeddings/positions": configuration.positions + configuration.position_offset,
        "embeddings/segments": configuration.segments,
    }
    for name, source in _EMBEDDINGS.items():
        if rows[name]:
            yield Weight(name, f"{source}.weight", (rows[name], width))
    yield from _layer_norm("embeddings/layer_norm", "embeddings.LayerNorm", width)
    if configuration.has_projection:
        source = "encoder.embedding_hidden_mapping_in"
        yield from _dense("embedding_projection", source, width, configuration.hidden_size)


def _layer_weights(configuration: EncoderConfiguration, group: int, inner: int) -> Iterator[Weight]:
    hidden, wide = configuration.hidden_size, configuration.intermediate_size
    root, parts = _sources(configuration.model_type, group, inner)
    target = f"layer_{group * configuration.inner_layers + inner}"
    for ours, theirs in zip(_LAYER_PARTS, parts, strict=True):
        name, source = f"{target}/{ours}", f"{root}.{theirs}"
        if ours.endswith("layer_norm"):
            yield from _layer_norm(name, source, hidden)
        else:
            inputs = wide if ours == "output" else hidden
            outputs = wide if ours == "intermediate" else hidden
            yield from _dense(name, source, inputs, outputs)


def _sources(model_type: str, group: int, inner: int) -> tuple[str, Sequence[str]]:
    if model_type == ALBERT:
        return f"encoder.albert_layer_groups.{group}.albert_layers.{inner}", _ALBERT_PARTS
    if model_type == DISTILBERT:
        return f"transformer.layer.{group}", _DISTILBERT_PARTS
    return f"encoder.layer.{group}", _BERT_PARTS


def _dense(name: str, source: str, inputs: int, outputs: int) -> list[Weight]:
    return [
        Weight(f"{name}/kernel", f"{source}.weight", (outputs, inputs)),
        Weight(f"{name}/bias", f"{source}.bias", (outputs,)),
    ]


def _layer_norm(name: str, source: str, width: int) -> list[Weight]:
    return [
        Weight(f"{name}/gamma", f"{source}.weight", (width,)),
        Weight(f"{name}/beta", f"{source}.bias", (width,)),
    ]


def _files(folder: Path) -> list[Path]:
    if os.path.lexists(folder / _SINGLE):
        return [folder / _SINGLE]
    if os.path.lexists(folder / _INDEX):
        return _shards(folder)
    if any(os.path.lexists(folder / name) for name in _PICKLED):
        raise InputError(
            f"The weights in {folder} are pickled (pytorch_model.bin), and reading them may run "
            "any code",
            f"If you trust them, run python -c {shlex.quote(_UNPICKLE.format(folder=str(folder)))} "
            "where PyTorch and transformers are installed",
        )
    raise InputError(
        f"{folder} holds no {_SINGLE}", "Give a model folder as save_pretrained writes it"
    )


def shards(folder: Path) -> list[Path]:
    """Returns the files that `model.safetensors.index.json` names, whether they are there or not.

    Raises:
      InputError: There is no such index, or it is damaged.
    """
    index = folder / _INDEX
    parts = read_json(index, dict).get("weight_map")
    if not isinstance(parts, Mapping) or not parts:
        raise InputError(f"{index} has no weight_map", "Fetch the file again")
    return sorted({path_within(folder, name, index) for name in parts.values()})


def _shards(folder: Path) -> list[Path]:
    files = shards(folder)
    missing = [file.name for file in files if not os.path.lexists(file)]
    if missing:
        raise InputError(
            f"{folder} lacks {_some(missing)}, which {_INDEX} names",
            "Fetch the model again, with all its files",
        )
    return files


def _by_short_name(files: Sequence[Path]) -> dict[str, _Stored]:
    found: dict[str, _Stored] = {}
    for stored in (each for file in files for each in _header(file)):
        short = _short_name(stored.name)
        if short in found:
            raise InputError(
                f"{stored.file.parent} holds {short} twice, as {found[short].name} and "
                f"{stored.name}",
                "Give the folder of one encoder alone",
            )
        found[short] = stored
    return found


def _short_name(name: str) -> str:
    short = _PREFIX.sub("", name)
    return short.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
        "LayerNorm.beta", "LayerNorm.bias"
    )


def _header(file: Path) -> Iterator[_Stored]:
    """Yields the tensors of a file; `safe_open` refuses one that is shorter than its header says.

    The format: https://huggingface.co/docs/safetensors
    """
    open_file(file).close()
    try:
        with safetensors.safe_open(file, "np") as opened:
            for name in opened.keys():  # noqa: SIM118  it is no mapping
                tensor = opened.get_slice(name)
                yield _Stored(file, name, tuple(tensor.get_shape()), tensor.get_dtype())
    except (OSError, safetensors.SafetensorError) as error:
        raise InputError(
            f"{file} is damaged or was not downloaded to its end ({one_line(error)})",
            "Delete the file and fetch it again",
        ) from error


def _check_tensor(stored: _Stored, weight: Weight) -> None:
    if stored.shape != weight.shape:
        raise InputError(
            f"{stored.name} in {stored.file} has the shape {list(stored.shape)}, where config.json "
            f"asks for {list(weight.shape)}",
            "Give a folder whose config.json fits its weights",
        )
    if stored.dtype not in _FLOATS:
        raise InputError(
            f"{stored.name} in {stored.file} has the type {stored.dtype}",
            f"Give weights of a type among {', '.join(sorted(_FLOATS))}, not quantized ones",
        )


def _values(tensor: np.ndarray, weight: Weight, file: Path) -> np.ndarray:
    values = np.asarray(tensor.T if weight.is_transposed else tensor, np.float32)
    if not np.isfinite(values).all():
        raise InputError(
            f"{weight.source} in {file} holds values that are not finite",
            "Fetch the file again, or give another encoder",
        )
    return values


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
