"""`serve.py` with a model that a run pushed; tests/albert_tfx/serving/ has the rest."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import serve
from tests.support import documents
from tests.support.runs import Run
from tests.support.text_server import PROJECT, Client, started

TEXTS = ["I wanted to like it, awful.", "", "What a lovely film! 日本語"]


def example(text: str) -> dict[str, str]:
    message = tf.train.Example()
    message.features.feature["text"].bytes_list.value.append(text.encode())
    return {"b64": base64.b64encode(message.SerializeToString()).decode()}


@pytest.fixture(scope="module")
def output(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder whose newest version is damaged."""
    serving = tmp_path_factory.mktemp("output") / "serving"
    whole = finished.pushed_model
    shutil.copytree(whole, serving / "7")
    shutil.copytree(whole, serving / "8")
    data = next((serving / "8" / "variables").glob("variables.data-*"))
    data.write_bytes(data.read_bytes()[:-1])
    return serving.parent


@pytest.fixture(scope="module")
def client(output: Path) -> Iterator[Client]:
    with started(f"--output={output}", command=["serve.py"]) as client:
        yield client


@pytest.mark.slow
def test_a_damaged_version_is_refused_and_the_one_before_answers(client: Client):
    assert client.started.startswith("version 8 is refused: The files in")
    line = client.line()
    assert line.startswith("version 7 of reviews answers at")
    client.address = line.partition("http://")[2].partition("/")[0]


@pytest.mark.slow
def test_each_form_gets_what_the_signature_gives(client: Client, finished: Run):
    classify = tf.saved_model.load(str(finished.pushed_model)).signatures["classify_text"]
    expected = classify(text=tf.constant(TEXTS))
    for instances in (TEXTS, [{"text": text} for text in TEXTS], [*map(example, TEXTS)]):
        status, content, headers = client.predict(instances=instances)
        assert (status, headers["Model-Version"]) == (200, "7")
        rows = content["predictions"]
        assert {*rows[0]} == {*expected}
        found = [row["probabilities"] for row in rows]
        np.testing.assert_allclose(found, expected["probabilities"].numpy(), atol=1e-5)
        assert rows[0]["labels"] == ["negative", "positive"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [documents.README, PROJECT / "docs" / "serving.md"], ids=["README", "serving"]
)
def test_the_requests_of_the_pages_are_answered(client: Client, page: Path):
    asked = 0
    for *options, url in documents.calls(page, "curl"):
        if "127.0.0.1" in url:
            option, body = options
            path = url.removeprefix("http://127.0.0.1:8501")
            status, content, _ = client.ask(path, body.encode())
            assert (option, status) == ("-d", 200)
            np.testing.assert_allclose(
                sum(content["predictions"][0]["probabilities"]), 1, atol=1e-5
            )
            asked += 1
    assert asked


@pytest.mark.slow
def test_the_readme_s_predictions_and_its_code_are_run(finished: Run, tmp_path: Path):
    (tmp_path / "output").symlink_to(finished.config.output)
    (tmp_path / "reviews.csv").write_text("review,stars\na lovely film,1\n")
    predictions = documents.calls(documents.README, "python", "predict.py")
    (code,) = documents.code(documents.README, "python")
    commands = [[str(PROJECT / "predict.py"), *arguments] for arguments in predictions]
    printed = [
        subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        for arguments in (*commands, ["-c", code])
    ]
    header, first, _ = printed[0].splitlines()
    assert header.startswith("text,label,probability")
    assert first.startswith("I wanted to like it.,")
    assert json.loads((tmp_path / "predictions.jsonl").read_text())["text"] == "a lovely film"
    assert "winner" in printed[-1]
    assert "log_loss" in printed[-1]
    assert " to " in printed[-1]


@pytest.mark.slow
def test_the_metadata_name_both_signatures_and_their_inputs(client: Client):
    status, content, _ = client.ask("/v1/models/reviews/metadata")
    assert status == 200
    assert content["model_spec"] == {"name": "reviews", "signature_name": "", "version": "7"}
    signatures = content["metadata"]["signature_def"]["signature_def"]
    assert {name: [*each["inputs"]] for name, each in signatures.items()} == {
        "classify_text": ["text"],
        "serving_default": ["examples"],
    }
    text = signatures["classify_text"]["inputs"]["text"]
    assert text["dtype"] == "DT_STRING"
    assert text["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]


def test_no_model_and_a_wrong_option_are_one_line_each(tmp_path: Path, capsys):
    assert serve.main(["--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"error: There is no pushed model in {tmp_path}/serving. Make one with python "
        f"local_runner.py --output {tmp_path}.\n"
    )
    for option in ("--port=70000", "--name=a/b", "--timeout=0", "--max-texts=0", "--max-text=1"):
        assert serve.main([option]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert option.partition("=")[0] in error
        assert error.count("\n") == 1


def test_the_help_and_every_refusal_import_nothing_heavy():
    code = (
        "import sys, serve\n"
        "serve.main(['--output', 'nowhere'])\n"
        "try: serve.main(['--help'])\n"
        "finally: print(sorted({'tensorflow', 'tfx', 'fastapi', 'pandas'} & {*sys.modules}))"
    )
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True).stdout
    assert "examples:" in printed
    assert printed.splitlines()[-1] == "[]"
