"""The sizes of an encoder, from the `config.json` and other small files of its model folder."""

import dataclasses
import errno
import json
import os
import reprlib
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from etils import epath

from albert_tfx import storage
from albert_tfx.errors import InputError, one_line

ALBERT = "albert"
BERT = "bert"
DISTILBERT = "distilbert"
ROBERTA = "roberta"
XLM_ROBERTA = "xlm-roberta"
MODEL_TYPES = (ALBERT, BERT, DISTILBERT, ROBERTA, XLM_ROBERTA)

# Names that transformers gives to the same function; see its `activations.py`.
GELU, GELU_TANH, RELU = "gelu", "gelu_tanh", "relu"
_ACTIVATIONS = {
    "gelu": GELU,
    "gelu_python": GELU,
    "gelu_new": GELU_TANH,
    "gelu_pytorch_tanh": GELU_TANH,
    "gelu_fast": GELU_TANH,
    "relu": RELU,
}
_FILE = "configuration.json"  # beside a converted encoder's SavedModel
_LFS_POINTER = b"version https://git-lfs"
_LONGEST_NAME = 255  # of a file, in bytes
# Above what any encoder has; nothing is made of a size beyond it.
_MOST, _MOST_LAYERS = 2**31 - 1, 1_000
# DistilBERT has names of its own for what BERT's configuration holds.
_DISTILBERT_KEYS = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
}


_Json = TypeVar("_Json", dict[str, Any], list[dict[str, Any]])


@dataclasses.dataclass(frozen=True)
class EncoderConfiguration:
    """Sizes and constants of an encoder.

    Attributes:
      model_type: One of `MODEL_TYPES`.
      vocabulary_size: Rows of the token embedding.
      positions: Most tokens of a sequence.
      position_offset: Rows of the position embedding before that of the first token.
      segments: Rows of the segment embedding; 0 where the encoder has none.
      embedding_size: Width of the embeddings.
      hidden_size: Width of the layers.
      layers: Layers that a token passes, a group with several inner layers counted once.
      groups: Layers with weights of their own: as many as `layers`, fewer where layers share them.
      inner_layers: Transformer layers within each of the `layers`.
      heads: Attention heads.
      intermediate_size: Width within the feed-forward part.
      activation: `GELU`, `GELU_TANH` or `RELU`.
      layer_norm_epsilon: Added to variances.
      hidden_dropout: Rate, in training alone.
      attention_dropout: Rate for attention weights, in training alone.
    """

    model_type: str
    vocabulary_size: int
    positions: int
    position_offset: int
    segments: int
    embedding_size: int
    hidden_size: int
    layers: int
    groups: int
    inner_layers: int
    heads: int
    intermediate_size: int
    activation: str
    layer_norm_epsilon: float
    hidden_dropout: float
    attention_dropout: float

    @property
    def has_projection(self) -> bool:
        """Whether a dense layer maps embeddings to the layers' width."""
        return self.model_type == ALBERT

    def group_of(self, layer: int) -> int:
        """Returns the group whose weights a layer has, as transformers' `AlbertTransformer` does.

        Args:
          layer: Number of the layer, from 0.
        """
        return int(layer / (self.layers / self.groups))


def read(folder: str | os.PathLike[str]) -> EncoderConfiguration:
    """Reads the `config.json` of a model folder.

    Raises:
      InputError: There is none, or it describes an encoder that is not supported.
    """
    _require_flat(Path(folder))
    values = read_json(Path(folder, "config.json"), dict)
    model_type = values.get("model_type")
    if model_type not in MODEL_TYPES:
        raise InputError(
            f"{folder} holds a model of type {reprlib.repr(model_type)}, which cannot be converted",
            f"Supported are {', '.join(MODEL_TYPES)}",
        )
    _check_kind(folder, values)
    return _configuration(_Values(Path(folder), values, model_type))


def save(configuration: EncoderConfiguration, folder: Path) -> None:
    """Writes it into the folder of a converted encoder, for `load`."""
    storage.write_json(folder / _FILE, dataclasses.asdict(configuration))


def load(folder: str | os.PathLike[str]) -> EncoderConfiguration | None:
    """Returns what `save` wrote, None of any other folder."""
    try:
        return EncoderConfiguration(**storage.read_json(Path(folder, _FILE)))
    except (OSError, ValueError, TypeError):
        return None


def read_bytes(path: Path) -> bytes:
    """Returns what a file of a model folder holds.

    Raises:
      InputError: As `open_file`.
    """
    with open_file(path) as file:
        return file.read()


def open_file(path: Path) -> BinaryIO:
    """Opens a file of a model folder for reading, at its beginning.

    Raises:
      InputError: There is no such file, it is a folder, a pipe or a device, it may not be read, or
        it is what Git LFS leaves in place of it.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        file = path.open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise InputError(
            f"{path} cannot be read ({reason})", "Fetch the model again, with all its files"
        ) from error
    if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
        file.close()
        raise InputError(
            f"{path} is a Git LFS pointer, not the file itself",
            f"Run git lfs pull in {path.parent}, or download the model without git",
        )
    file.seek(0)
    return file


def read_json(path: Path, kind: type[_Json]) -> _Json:
    """Returns the object (`dict`) or array (`list`) that a JSON file of a model folder holds.

    Raises:
      InputError: There is no such file, or it holds something else.
    """
    try:
        values = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is no JSON ({one_line(error)})", "Fetch the file again"
        ) from error
    if not isinstance(values, kind):
        raise InputError(f"{path} holds no JSON {kind.__name__}", "Fetch the file again")
    return values


def path_within(folder: Path, name: object, file: Path) -> Path:
    """Returns the path that a file of a model folder names, below that folder.

    Args:
      folder: The model folder.
      name: What `file` names.
      file: The file, for the error.

    Raises:
      InputError: It is no text, or leads out of the folder.
    """
    if not isinstance(name, str) or not _is_within(name):
        raise InputError(
            f"{file} names {reprlib.repr(name)}, which is no path within its folder",
            "Fetch the file again",
        )
    return folder / name


def _is_within(name: str) -> bool:
    is_name = name.isprintable() and len(name.encode()) <= _LONGEST_NAME
    return is_name and not Path(name).is_absolute() and ".." not in Path(name).parts


def _require_flat(folder: Path) -> None:
    """Refuses the layout that sentence-transformers wrote at first, and names the folder to give.

    Raises:
      InputError: The encoder is in a folder of its own within this one.
    """
    within = [] if os.path.lexists(folder / "config.json") else encoders_within(folder)
    if within:
        raise InputError(f"{folder} holds no config.json", give_encoder_within(within[0]))


def encoders_within(folder: epath.Path | Path) -> list[str]:
    """Returns the folders of encoders in one that sentence-transformers wrote at first."""
    return sorted(str(each.parent) for each in folder.glob("0_*/config.json"))


def give_encoder_within(folder: str) -> str:
    """Returns the remedy where the encoder is in such a folder."""
    return (
        f"Give {folder}, which holds the encoder, and with --pooling how its vectors become one, "
        "which 1_Pooling beside it states"
    )


def _check_kind(folder: str | os.PathLike[str], values: Mapping[str, Any]) -> None:
    positions = values.get("position_embedding_type") or "absolute"
    if positions != "absolute":
        named = positions if isinstance(positions, str) else reprlib.repr(positions)
        raise InputError(
            f"The encoder {folder} has {named} position embeddings",
            "Supported are absolute ones",
        )
    for key in ("is_decoder", "add_cross_attention", "quantization_config"):
        if values.get(key):
            raise InputError(
                f"The config.json of {folder} has {key}, so this is no plain encoder",
                "Give an encoder without it",
            )


class _Values:
    """The values of a `config.json`, checked as they are asked for."""

    def __init__(self, folder: Path, values: Mapping[str, Any], model_type: str) -> None:
        self.model_type = model_type
        self._file = folder / "config.json"
        self._values = values
        self._names = _DISTILBERT_KEYS if model_type == DISTILBERT else {}

    def size(self, key: str, default: int | None = None, least: int = 1, most: int = _MOST) -> int:
        value = self._value(key, default)
        if type(value) is not int or not least <= value <= most:
            raise self._error(key, value, f"a whole number from {least} to {most:,}")
        return value

    def rate(self, key: str, default: float) -> float:
        value = self._value(key, default)
        if type(value) not in (int, float) or not 0 <= value < 1:
            raise self._error(key, value, "a number from 0 to below 1")
        return float(value)

    def activation(self, default: str) -> str:
        value = self._value("hidden_act", default)
        if not isinstance(value, str) or value not in _ACTIVATIONS:
            raise self._error("hidden_act", value, f"one of {', '.join(_ACTIVATIONS)}")
        return _ACTIVATIONS[value]

    def _value(self, key: str, default: object) -> Any:
        value = self._values.get(self._names.get(key, key))
        return default if value is None else value

    def _error(self, key: str, value: object, expected: str) -> InputError:
        return InputError(
            f"{self._file} has {self._names.get(key, key)}: {reprlib.repr(value)}",
            f"It has to be {expected}",
        )


def _configuration(values: _Values) -> EncoderConfiguration:
    is_albert = values.model_type == ALBERT
    dropout = 0.0 if is_albert else 0.1
    hidden_size, heads = values.size("hidden_size"), values.size("num_attention_heads")
    if hidden_size % heads:
        raise InputError(
            f"The hidden size of {hidden_size} is no multiple of the {heads} attention heads",
            "Check the model's config.json",
        )
    layers = values.size("num_hidden_layers", most=_MOST_LAYERS)
    offset = _position_offset(values)
    return EncoderConfiguration(
        model_type=values.model_type,
        vocabulary_size=values.size("vocab_size"),
        positions=values.size("max_position_embeddings", least=offset + 1) - offset,
        position_offset=offset,
        segments=0 if values.model_type == DISTILBERT else values.size("type_vocab_size", 2),
        embedding_size=values.size("embedding_size", 128) if is_albert else hidden_size,
        hidden_size=hidden_size,
        layers=layers,
        groups=values.size("num_hidden_groups", 1, most=layers) if is_albert else layers,
        inner_layers=values.size("inner_group_num", 1, most=_MOST_LAYERS) if is_albert else 1,
        heads=heads,
        intermediate_size=values.size("intermediate_size"),
        activation=values.activation("gelu_new" if is_albert else "gelu"),
        layer_norm_epsilon=values.rate("layer_norm_eps", 1e-12),
        hidden_dropout=values.rate("hidden_dropout_prob", dropout),
        attention_dropout=values.rate("attention_probs_dropout_prob", dropout),
    )


def _position_offset(values: _Values) -> int:
    # RoBERTa counts positions from the padding's id on, as fairseq does.
    if values.model_type in (ROBERTA, XLM_ROBERTA):
        return values.size("pad_token_id", 1, least=0) + 1
    return 0
