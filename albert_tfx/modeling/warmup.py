"""Warm-up requests, which TensorFlow Serving answers for itself before it takes others'.

The first request of its kind is slow, as TensorFlow then optimises the graph and allocates. See
https://www.tensorflow.org/tfx/serving/saved_model_warmup; TFX's Pusher copies the file with the
model.
"""

import os
from collections.abc import Iterator, Sequence

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from albert_tfx.contract import CLASSIFY_TEXT, EXTRA_ASSETS, SERVING_DEFAULT, TEXT

EXAMPLES = "examples"


def write(model: str, texts: Sequence[bytes]) -> None:
    """Writes warm-up requests into a SavedModel.

    Args:
      model: The SavedModel's folder.
      texts: Real texts, in UTF-8. Each signature gets the first alone and all of them together.
    """
    folder = os.path.join(model, EXTRA_ASSETS)
    tf.io.gfile.makedirs(folder)
    with tf.io.TFRecordWriter(os.path.join(folder, "tf_serving_warmup_requests")) as writer:
        for request in _requests(texts):
            log = prediction_log_pb2.PredictLog(request=request)
            record = prediction_log_pb2.PredictionLog(predict_log=log)
            writer.write(record.SerializeToString(deterministic=True))


def _requests(texts: Sequence[bytes]) -> Iterator[predict_pb2.PredictRequest]:
    for batch in (texts[:1], texts):
        yield _request(CLASSIFY_TEXT, TEXT, batch)
        yield _request(SERVING_DEFAULT, EXAMPLES, [_example(text) for text in batch])


def _request(signature: str, name: str, values: Sequence[bytes]) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(list(values), tf.string))
    return request


def _example(text: bytes) -> bytes:
    example = tf.train.Example()
    example.features.feature[TEXT].bytes_list.value.append(text)
    return example.SerializeToString(deterministic=True)
