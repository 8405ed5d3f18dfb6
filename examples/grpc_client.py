"""Asks TensorFlow Serving by gRPC; needs `pip install tensorflow-serving-api`.

python examples/grpc_client.py "I wanted to like it." "What a film!"
"""

import sys
from collections.abc import Sequence

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

ADDRESS = "localhost:8500"
MODEL = "reviews"


def classify(texts: Sequence[str], address: str = ADDRESS) -> list[dict[str, float]]:
    """Returns for each text the probability of each class, by the class's name."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    request.model_spec.signature_name = "classify_text"
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(list(texts), tf.string))
    with grpc.insecure_channel(address) as channel:
        service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = service.Predict(request, timeout=10)
    labels = tf.make_ndarray(response.outputs["labels"])
    probabilities = tf.make_ndarray(response.outputs["probabilities"])
    return [
        {name.decode(): float(value) for name, value in zip(*row, strict=True)}
        for row in zip(labels, probabilities, strict=True)
    ]


if __name__ == "__main__":
    for answer in classify(sys.argv[1:]):
        print(answer)
