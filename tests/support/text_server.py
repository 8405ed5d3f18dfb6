"""`serve.py` with a model of one rule, and a client of it.

python -m tests.support.text_server OPTION...
"""

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any
from unittest import mock

import numpy as np

import serve
from albert_tfx.errors import InputError
from albert_tfx.serving import server

PROJECT = Path(__file__).parents[2]
BROKEN = "broken"
_PATHS = "paths:"


class ModelOfOneRule:
    """Finds a text `good` that has the word in it, `bad` any other.

    A text `paths:REACHED:LEAVE` names two pipes: the model opens the one as soon as it is asked,
    and answers once the other is closed. A text `fail` fails.
    """

    def __init__(self, folder: Path) -> None:
        if (folder / "saved_model.pb").read_text() == BROKEN:
            raise InputError("It is broken", "Mend it")
        self.signatures: dict[str, Any] = {"signature_def": {"classify_text": {}}}

    def outputs(self, signature: str, values: Sequence[bytes]) -> dict[str, np.ndarray]:
        texts = [value.decode() for value in values]
        if "fail" in texts:
            raise RuntimeError("it failed")
        for text in texts:
            if text.startswith(_PATHS):
                _wait(*text.removeprefix(_PATHS).split(":"))
        good = np.array(["good" in text for text in texts])
        rows = np.where(good[:, np.newaxis], [0.3, 0.7], [0.9, 0.1]).astype(np.float32)
        labels = np.array([[b"bad", b"good"]] * len(texts), dtype=object)
        best = labels[np.arange(len(texts)), rows.argmax(axis=1)]
        return {"probabilities": rows, "labels": labels, "label": best, "score": rows.max(axis=1)}


def _wait(reached: str, leave: str) -> None:
    with open(reached, "wb") as pipe:
        pipe.write(b"reached")
    with open(leave, "rb") as pipe:
        pipe.read()


def push(output: Path, number: int, content: str = "") -> None:
    """Puts a version of the model of one rule into a serving folder, whole at once."""
    staged = output / "serving" / ".staging"
    staged.mkdir(parents=True)
    (staged / "saved_model.pb").write_text(content)
    staged.rename(output / "serving" / str(number))


class Client:
    """Asks a server.

    Attributes:
      address: That of the server, without a slash at its end.
      process: The server.
    """

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.started = self.line()
        self.address = self.started.partition("http://")[2].partition("/")[0]

    def line(self) -> str:
        """Waits for the next line that the server prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def ask(
        self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, Any]:
        """Returns status, content (JSON's where it is JSON) and headers of an answer."""
        url = f"http://{self.address}{path}"
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, body, headers or {}), timeout=60
            ) as response:
                return response.status, _content(response), response.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _content(error), error.headers

    def predict(self, **content: Any) -> tuple[int, Any, Any]:
        """Asks the model `reviews`."""
        return self.ask("/v1/models/reviews:predict", json.dumps(content).encode())


def _content(response: IO[bytes]) -> Any:
    text = response.read().decode()
    is_json = response.headers.get_content_type() == "application/json"  # type: ignore[attr-defined]
    return json.loads(text) if is_json else text


@contextlib.contextmanager
def started(*options: str | Path, command: Sequence[str] = ("-m", __name__)) -> Iterator[Client]:
    """Starts the command on a free port, and ends it if it has not ended yet."""
    process = subprocess.Popen(
        [sys.executable, *command, "--port=0", *map(str, options)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Client(process)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    with mock.patch.object(server.serve, "__defaults__", (ModelOfOneRule,)):
        sys.exit(serve.main())
