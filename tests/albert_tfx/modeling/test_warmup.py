from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from albert_tfx.modeling import warmup

TEXTS = [b"A short one.", "Très élégant, 日本語.".encode(), b""]


@pytest.fixture
def requests(tmp_path: Path):
    warmup.write(str(tmp_path / "model"), TEXTS)
    file = tmp_path / "model" / "assets.extra" / "tf_serving_warmup_requests"
    records = tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    assert {log.WhichOneof("log_type") for log in logs} == {"predict_log"}
    return [log.predict_log.request for log in logs]


def test_each_signature_gets_one_text_and_all_of_them(requests):
    seen = [
        (request.model_spec.signature_name, name, tf.make_ndarray(tensor).size)
        for request in requests
        for name, tensor in request.inputs.items()
    ]
    assert seen == [
        ("classify_text", "text", 1),
        ("serving_default", "examples", 1),
        ("classify_text", "text", 3),
        ("serving_default", "examples", 3),
    ]


def test_the_texts_are_the_ones_given(requests):
    assert tf.make_ndarray(requests[2].inputs["text"]).tolist() == TEXTS
    examples = map(tf.train.Example.FromString, tf.make_ndarray(requests[3].inputs["examples"]))
    assert [e.features.feature["text"].bytes_list.value[0] for e in examples] == TEXTS
