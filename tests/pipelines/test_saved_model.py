"""The model of the one real run, as TensorFlow Serving would find it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from tests.support.runs import Run, read_examples

pytestmark = pytest.mark.slow

# saved_model_cli knows the operations of tensorflow_text only where that is imported first.
_SAVED_MODEL_CLI = (
    "import tensorflow_text; from tensorflow.python.tools.saved_model_cli import main; main()"
)
TEXTS = ["a lovely film", "", "awful " * 99, "日本語"]
# In TF Text 2.12.1 already, which was the oldest in a current image of TensorFlow Serving.
_TEXT_OPS_OF_EVERY_SERVER = {
    "CaseFoldUTF8",
    "NormalizeUTF8",
    "SentencepieceOp",
    "SentencepieceTokenizeOp",
}
_OPS_UNKNOWN_TO_TENSORFLOW = """
import sys
import tensorflow
from tensorflow.python.framework import op_def_registry
print(*(op for op in sys.argv[1:] if op_def_registry.get(op) is None))
"""


@pytest.fixture(scope="module")
def model(finished: Run) -> Path:
    return finished.pushed_model


@pytest.fixture(scope="module")
def signatures(model: Path):
    return tf.saved_model.load(str(model)).signatures


def saved_model_cli(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", _SAVED_MODEL_CLI, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    ).stdout


def printed_numbers(output: str) -> np.ndarray:
    """Returns the matrix of probabilities that saved_model_cli prints."""
    _, _, matrix = output.partition("Result for output key probabilities:")
    matrix, _, _ = matrix.partition("Result for output key")
    rows = re.findall(r"\[([^\[\]]+)\]", matrix)
    return np.array([[float(number) for number in row.split()] for row in rows])


def ops(model: Path) -> set[str]:
    saved = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    graphs = [graph.graph_def for graph in saved.meta_graphs]
    functions = [function for graph in graphs for function in graph.library.function]
    return {node.op for graph in graphs for node in graph.node} | {
        node.op for function in functions for node in function.node_def
    }


def test_the_layout_is_a_numbered_folder_with_everything_in_it(model: Path):
    assert re.fullmatch(r"\d+", model.name)
    assert sorted(path.name for path in model.iterdir()) == [
        "assets",
        "assets.extra",
        "fingerprint.pb",
        "saved_model.pb",
        "variables",
    ]
    # SentencePiece's vocabulary lies in the graph itself.
    assert not list((model / "assets").iterdir())


def test_every_op_is_one_that_a_model_server_has(model: Path):
    command = [sys.executable, "-c", _OPS_UNKNOWN_TO_TENSORFLOW, *ops(model)]
    unknown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert set(unknown.split()) == _TEXT_OPS_OF_EVERY_SERVER


def test_saved_model_cli_shows_both_signatures(model: Path):
    shown = saved_model_cli("show", "--dir", str(model), "--all")
    for signature, argument in (("serving_default", "examples"), ("classify_text", "text")):
        _, _, described = shown.partition(f"signature_def['{signature}']")
        assert re.search(
            rf"inputs\['{argument}'\] tensor_info:\s+dtype: DT_STRING\s+shape: \(-1\)", described
        )
        assert re.search(
            r"outputs\['probabilities'\] tensor_info:\s+dtype: DT_FLOAT\s+shape: \(-1, 2\)",
            described,
        )


@pytest.mark.parametrize(
    ("signature", "option", "value"),
    [
        ("classify_text", "--input_exprs", f"text={TEXTS}"),
        ("serving_default", "--input_examples", f"examples={[{'text': [t]} for t in TEXTS]}"),
    ],
)
def test_saved_model_cli_runs_both_signatures(model: Path, signatures, signature, option, value):
    output = saved_model_cli(
        "run", "--dir", str(model), "--tag_set=serve", "--signature_def", signature, option, value
    )  # fmt: skip
    expected = signatures["classify_text"](text=tf.constant(TEXTS))["probabilities"]
    np.testing.assert_allclose(printed_numbers(output), expected, atol=1e-5)
    assert "[b'negative' b'positive']" in output


def warmup_requests(model: Path):
    file = model / "assets.extra" / "tf_serving_warmup_requests"
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        ((name, tensor),) = request.inputs.items()
        yield request.model_spec.signature_name, name, tf.make_ndarray(tensor)


def test_every_warm_up_request_is_answered(model: Path, signatures):
    requests = list(warmup_requests(model))
    assert {signature for signature, _, _ in requests} == {"classify_text", "serving_default"}
    for signature, name, values in requests:
        answer = signatures[signature](**{name: tf.constant(values)})["probabilities"].numpy()
        assert answer.shape == (len(values), 2)
        np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-6)


def test_the_warm_up_texts_are_reviews_of_the_eval_split(finished: Run, model: Path):
    examples = read_examples(finished.uri("TfdsExampleGen", "examples"), "eval")
    reviews = {example.features.feature["text"].bytes_list.value[0] for example in examples}
    sent = {text for _, name, values in warmup_requests(model) if name == "text" for text in values}
    assert len(sent) == 4
    assert sent <= reviews
