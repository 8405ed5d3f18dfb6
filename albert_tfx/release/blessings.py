"""Blessings as TFX's Evaluator gives them: Pusher and Resolver go by these files and properties."""

import json
import os
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.components.evaluator import constants
from tfx.utils import io_utils


def bless(
    blessing: types.Artifact, model: types.Artifact, blessed: bool, files: Mapping[str, Any]
) -> None:
    """Says of `model` whether it may be pushed, and why.

    Args:
      blessing: A `ModelBlessing` to be made.
      model: The `Model` that it is about.
      blessed: Whether it may be pushed.
      files: What to leave in the blessing's folder as JSON, by file name.
    """
    blessing.set_string_custom_property(
        constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri
    )
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    blessing.set_int_custom_property(
        constants.ARTIFACT_PROPERTY_BLESSED_KEY,
        constants.BLESSED_VALUE if blessed else constants.NOT_BLESSED_VALUE,
    )
    for name, content in files.items():
        text = json.dumps(content, indent=2) + "\n"
        io_utils.write_string_file(os.path.join(blessing.uri, name), text)
    marker = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(os.path.join(blessing.uri, marker), "")
