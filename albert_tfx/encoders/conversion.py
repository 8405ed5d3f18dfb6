"""From a Hugging Face model folder to an encoder and a preprocessor with TF Hub's interface."""

import os

from albert_tfx.encoders.facts import EncoderFacts


def convert(source: str | os.PathLike[str], destination: str | os.PathLike[str]) -> EncoderFacts:
    """Writes the encoder of a Hugging Face model folder as SavedModels.

    `destination` holds `encoder/`, `preprocessor/` and `encoder.json` (the facts; see
    `facts.read`) afterwards. It appears whole or not at all, and one that is there already is left
    as it is where it holds the same conversion, and is replaced otherwise.

    Args:
      source: A local folder, as `save_pretrained` writes it.
      destination: A local folder.

    Returns:
      What `facts.inspect(source)` returns.

    Raises:
      InputError: As `facts.inspect` does.
      OSError: The destination cannot be written.
    """
    raise NotImplementedError
