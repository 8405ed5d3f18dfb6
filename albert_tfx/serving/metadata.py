"""The signatures of a SavedModel, as TensorFlow Serving's REST describes them."""

from pathlib import Path
from typing import Any

_TYPE = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
_OWN = "__saved_model_init_op"


def signatures(folder: Path) -> dict[str, Any]:
    """Returns the signatures of the SavedModel in `folder`, in JSON's types."""
    from google.protobuf import json_format
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    described = {
        name: json_format.MessageToDict(
            signature,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        for name, signature in model.meta_graphs[0].signature_def.items()
        if name != _OWN
    }
    return {"@type": _TYPE, "signature_def": described}
