"""The example clients and the commands of docs/serving.md, against a server on loopback."""

import importlib.util
import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from tests.support import documents, model_server
from tests.support.runs import Run

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "serving.md"
TEXTS = ["I wanted to like it, awful.", "", "What a lovely film! 日本語"]


def client(name: str):
    spec = importlib.util.spec_from_file_location(name, PROJECT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands_of_page(program: str) -> list[list[str]]:
    return [each for each in documents.commands(PAGE) if each[0] == program]


@pytest.fixture(scope="module")
def model(finished: Run) -> model_server.Model:
    return model_server.Model(str(finished.pushed_model), "reviews")


@pytest.fixture(scope="module")
def rest(model):
    with model_server.serve_rest(model) as address:
        yield address


@pytest.fixture(scope="module")
def remote(model):
    with model_server.serve_grpc(model) as address:
        yield address


@pytest.fixture(scope="module")
def expected(finished: Run) -> np.ndarray:
    classify = tf.saved_model.load(str(finished.pushed_model)).signatures["classify_text"]
    return classify(text=tf.constant(TEXTS))["probabilities"].numpy()


def post(url: str, body: bytes) -> dict:
    with urllib.request.urlopen(url, body) as response:
        return json.load(response)


@pytest.mark.parametrize("name", ["rest_client", "grpc_client"])
def test_a_client_gets_what_the_signature_gives(name: str, rest, remote, expected):
    answers = client(name).classify(TEXTS, rest if name == "rest_client" else remote)
    assert [list(answer) for answer in answers] == [["negative", "positive"]] * len(TEXTS)
    np.testing.assert_allclose([list(answer.values()) for answer in answers], expected, atol=1e-6)


def test_both_clients_make_the_same_request(model, rest, remote):
    for name, address in (("rest_client", rest), ("grpc_client", remote)):
        client(name).classify(TEXTS, address)
    by_rest, by_grpc = model.requests[-2:]
    assert by_rest == by_grpc
    assert by_grpc.model_spec.name == "reviews"
    assert by_grpc.inputs["text"].tensor_shape == tf.TensorShape([3]).as_proto()


def test_the_page_serves_the_folder_that_local_runner_pushes_to(rest):
    ((*_, image),) = commands_of_page("docker")
    ((*options, _),) = commands_of_page("docker")
    assert re.fullmatch(r"tensorflow/serving:\d+\.\d+\.\d+", image)
    assert "MODEL_NAME=reviews" in options
    assert "$PWD/output/serving:/models/reviews:ro" in options
    assert {"127.0.0.1:8500:8500", "127.0.0.1:8501:8501"} < set(options)


def test_every_curl_command_of_the_page_is_answered(rest):
    curls = [command for command in commands_of_page("curl") if "-d" in command]
    commands = [curl for curl in curls if any("localhost" in part for part in curl)]
    assert len(commands) == 3
    for command in commands:
        (url,) = (part for part in command if part.startswith("http"))
        assert url.startswith("http://localhost:8501/v1/models/reviews")
        body = command[command.index("-d") + 1]
        answer = post(url.replace("http://localhost:8501", rest), body.encode())
        (rows,) = answer.values()
        rows = rows if isinstance(rows, list) else [rows]
        for row in rows:
            np.testing.assert_allclose(np.sum(row["probabilities"], axis=-1), 1, atol=1e-5)


def test_the_answers_that_the_page_shows_have_the_shape_of_the_real_ones(rest):
    (shown,) = map(json.loads, documents.code(PAGE, "json"))
    curls = [command for command in commands_of_page("curl") if "-d" in command]
    first, *_ = (curl for curl in curls if any("localhost" in part for part in curl))
    url = f"{rest}/v1/models/reviews:predict"
    real = post(url, first[first.index("-d") + 1].encode())
    assert [row.keys() for row in shown["predictions"]] == [
        row.keys() for row in real["predictions"]
    ]
    assert [row["labels"] for row in shown["predictions"]] == [
        row["labels"] for row in real["predictions"]
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/another:predict", {"instances": ["a"]}),
        ("/v1/models/reviews:classify", {"instances": ["a"]}),
        ("/v1/models/reviews:predict", {"signature_name": "none", "instances": ["a"]}),
        ("/v1/models/reviews:predict", {"inputs": {"words": ["a"]}}),
    ],
)
def test_the_server_of_the_tests_refuses_what_tensorflow_serving_would(rest, path, body):
    with pytest.raises(urllib.error.HTTPError, match="400"):
        post(rest + path, json.dumps(body).encode())


def test_a_wrong_request_by_grpc_is_refused(remote):
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    with grpc.insecure_channel(remote) as channel:
        service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        with pytest.raises(grpc.RpcError, match="Servable not found"):
            service.Predict(predict_pb2.PredictRequest(), timeout=10)
