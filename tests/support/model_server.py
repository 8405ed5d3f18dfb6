"""Answers as TensorFlow Serving does, on loopback, with a SavedModel's own signatures.

REST follows https://www.tensorflow.org/tfx/serving/api_rest: JSON becomes a `PredictRequest`, and
the `PredictResponse` becomes JSON.
"""

import base64
import concurrent.futures
import contextlib
import re
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.support.servers import http_service


class UnusableRequestError(Exception):
    """A request that the model's signatures do not allow."""


class Model:
    """A SavedModel under a name.

    Attributes:
      requests: What it was asked so far.
    """

    def __init__(self, folder: str, name: str) -> None:
        self._loaded = tf.saved_model.load(folder)
        self._name = name
        self.requests: list[predict_pb2.PredictRequest] = []

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """Runs the signature that the request names on the inputs that it names."""
        self.requests.append(request)
        signature = self.signature(request)
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        expected = signature.structured_input_signature[1]
        if inputs.keys() != expected.keys():
            raise UnusableRequestError(f"inputs {set(inputs)}, not {set(expected)}")
        for name, spec in expected.items():
            if not spec.shape.is_compatible_with(inputs[name].shape):
                raise UnusableRequestError(f"{name} of shape {inputs[name].shape}, not {spec}")
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(request.model_spec)
        tensors = {name: tf.constant(values) for name, values in inputs.items()}
        for name, output in signature(**tensors).items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(output))
        return response

    def signature(self, request: predict_pb2.PredictRequest) -> Any:
        """Returns the signature that the request names, `serving_default` if none."""
        if request.model_spec.name != self._name:
            raise UnusableRequestError(f"Servable not found for request: {request.model_spec.name}")
        name = request.model_spec.signature_name or "serving_default"
        if name not in self._loaded.signatures:
            raise UnusableRequestError(f"signature {name!r}")
        return self._loaded.signatures[name]


class _Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, model: Model) -> None:
        self._model = model

    def Predict(self, request, context):  # noqa: N802
        try:
            return self._model.predict(request)
        except UnusableRequestError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    def GetModelMetadata(self, request, context):  # noqa: N802
        return get_model_metadata_pb2.GetModelMetadataResponse(model_spec=request.model_spec)


@contextlib.contextmanager
def serve_grpc(model: Model) -> Iterator[str]:
    """Yields the address of a gRPC server."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Servicer(model), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)


@contextlib.contextmanager
def serve_rest(model: Model) -> Iterator[str]:
    """Yields the address of a REST server."""

    def answer(_: str, path: str, body: Any) -> tuple[int, Any]:
        try:
            return 200, _answer(model, path, body)
        except (UnusableRequestError, ValueError) as error:
            return 400, {"error": str(error)}

    with http_service(answer) as address:
        yield address


def _answer(model: Model, path: str, body: dict[str, Any]) -> dict[str, Any]:
    named = re.fullmatch(r"/v1/models/([^/:]+)(?:/versions/(\d+))?:predict", path)
    if named is None:
        raise UnusableRequestError(f"Malformed request: POST {path}")
    request = predict_pb2.PredictRequest()
    request.model_spec.name = named[1]
    request.model_spec.signature_name = body.get("signature_name", "")
    by_row = "instances" in body
    for name, values in _inputs(model, request, body["instances" if by_row else "inputs"]).items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(np.array(_decoded(values), object)))
    response = model.predict(request)
    outputs = {name: _plain(tensor) for name, tensor in response.outputs.items()}
    if not by_row:
        return {"outputs": outputs}
    rows = zip(*outputs.values(), strict=True)
    return {"predictions": [dict(zip(outputs, row, strict=True)) for row in rows]}


def _inputs(model: Model, request: predict_pb2.PredictRequest, given: Any) -> dict[str, list]:
    """Returns the inputs by name, which may be left out where there is only one."""
    if isinstance(given, dict):
        return given
    if given and isinstance(given[0], dict) and "b64" not in given[0]:
        return {name: [row[name] for row in given] for name in given[0]}
    (only,) = model.signature(request).structured_input_signature[1]
    return {only: given}


def _decoded(values: list) -> list[bytes]:
    return [
        base64.b64decode(value["b64"]) if isinstance(value, dict) else value.encode()
        for value in values
    ]


def _plain(tensor: Any) -> list:
    values = tf.make_ndarray(tensor)
    return (np.char.decode(values.astype("S")) if values.dtype == object else values).tolist()
