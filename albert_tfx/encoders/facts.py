"""What is known of an encoder before its weights are read; needs no TensorFlow."""

import dataclasses
import os
from pathlib import Path

MEAN = "mean"
CLS = "cls"
# What `conversion.convert` writes into its destination.
ENCODER = "encoder"
PREPROCESSOR = "preprocessor"
FACTS_FILE = "encoder.json"


@dataclasses.dataclass(frozen=True)
class EncoderFacts:
    """Facts about an encoder that came from a Hugging Face model folder.

    Attributes:
      model_type: `model_type` of its `config.json`, such as `bert`.
      positions: Most tokens of a sequence, special tokens included.
      hidden_size: Width of `sequence_output` and `pooled_output`.
      layers: Transformer layers that a token passes; shared ones count as often as they are passed.
      vocabulary_size: Rows of the token embedding.
      parameters: Weights of the encoder.
      has_pooler: Whether the encoder gives `pooled_output`.
      pooling: `mean` or `cls` as the folder's `1_Pooling` states it; None where it states neither.
      fingerprint: 16 hexadecimal digits of the content of all source files that the conversion
        reads, and of the converter's version. A converted encoder is the same for the same
        fingerprint.
      unused: Names of tensors of the folder that belong to no encoder, such as heads of
        pretraining; sorted.
      remarks: Sentences for the user on what the conversion leaves out, without final full stop.
    """

    model_type: str
    positions: int
    hidden_size: int
    layers: int
    vocabulary_size: int
    parameters: int
    has_pooler: bool
    pooling: str | None
    fingerprint: str
    unused: tuple[str, ...]
    remarks: tuple[str, ...]


def is_model_folder(folder: str | os.PathLike[str]) -> bool:
    """Returns whether a local folder is a Hugging Face model's: a `config.json`, no SavedModel."""
    root = Path(folder)
    return (root / "config.json").is_file() and not (root / "saved_model.pb").exists()


def inspect(folder: str | os.PathLike[str]) -> EncoderFacts:
    """Returns the facts about a Hugging Face model folder; imports no TensorFlow.

    Reads the small files whole, of the weights the headers and, for the fingerprint, the bytes.
    What this function accepts, `conversion.convert` converts.

    Args:
      folder: A local folder, as `save_pretrained` writes it.

    Raises:
      InputError: The folder cannot be used: a model of another type, weights that are missing,
        truncated, pickled or of other shapes than the configuration's, a tokenizer that is missing
        or of an unknown kind.
    """
    raise NotImplementedError


def read(destination: str | os.PathLike[str]) -> EncoderFacts | None:
    """Returns the facts of a folder that `conversion.convert` wrote, None for any other folder."""
    raise NotImplementedError
