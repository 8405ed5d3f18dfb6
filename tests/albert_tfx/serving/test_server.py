"""The server as a process: its routes, limits and headers, how it stops, and a change of version.

Its model is of one rule, so that it starts at once; tests/test_serve.py has a pushed one.
"""

import concurrent.futures
import contextlib
import http.client
import ipaddress
import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from albert_tfx.errors import InputError
from albert_tfx.serving import guard, server
from albert_tfx.serving.options import Limits, Place
from tests.support import listening, text_server
from tests.support.servers import Fifo
from tests.support.text_server import Client, started

LIMITS = ("--max-texts=3", "--max-text-bytes=200", "--max-body-bytes=600")
GOOD = {"labels": ["bad", "good"], "label": "good"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    output = tmp_path_factory.mktemp("output")
    text_server.push(output, 7)
    with started(f"--output={output}", *LIMITS) as client:
        yield client


@pytest.fixture
def output(tmp_path: Path) -> Path:
    text_server.push(tmp_path, 7)
    return tmp_path


class Held:
    """A text that a model does not answer before it is let go."""

    def __init__(self, folder: Path) -> None:
        self._reached, self._leave = Fifo(folder / "reached"), folder / "leave"
        os.mkfifo(self._leave)
        self.text = f"paths:{folder / 'reached'}:{self._leave}"

    def wait(self) -> None:
        assert self._reached.read() == b"reached"

    def let_go(self) -> None:
        self._leave.open("wb").close()


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(tmp_path)


def test_it_says_where_it_answers_and_listens_on_this_machine_only(client: Client):
    assert client.started.startswith("version 7 of reviews answers at http://127.0.0.1:")
    assert listening.addresses(client.process.pid) == {ipaddress.ip_address("127.0.0.1")}


def test_a_text_without_a_signature_is_answered_and_the_version_named(client: Client):
    status, content, headers = client.predict(instances=["good", "poor"])
    assert status == 200
    assert content["predictions"][0] == {**GOOD, "probabilities": [0.3, 0.7], "score": 0.7}
    assert content["predictions"][1]["label"] == "bad"
    assert headers["Model-Version"] == "7"


@pytest.mark.parametrize(
    "path", ["/v1/models/reviews:predict", "/v1/models/reviews/versions/7:predict"]
)
def test_both_paths_of_the_version_answer(client: Client, path: str):
    status, content, _ = client.ask(path, b'{"inputs": {"text": ["good"]}}')
    assert status == 200
    assert content["outputs"]["labels"] == [["bad", "good"]]


def test_the_status_is_tensorflow_servings(client: Client):
    status, content, _ = client.ask("/v1/models/reviews")
    (state,) = content["model_version_status"]
    assert (status, state["version"], state["state"]) == (200, "7", "AVAILABLE")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/models/other", None, 404),
        ("/v1/models/reviews/versions/8", None, 404),
        ("/v1/models/reviews/versions/seven:predict", b"{}", 404),
        ("/v1/models/other:predict", b'{"instances": ["a"]}', 404),
        ("/nowhere", None, 404),
        ("/docs", None, 404),
        ("/v1/models/reviews:predict", b"{", 400),
        ("/v1/models/reviews:predict", b'{"instances": ["a", "b", "c", "d"]}', 413),
        ("/v1/models/reviews:predict", b'{"instances": ["%s"]}' % (b"a" * 201), 413),
        ("/v1/models/reviews:predict", b" " * 601, 413),
        ("/v1/models/reviews:predict", b'{"instances": ["fail"]}', 500),
        ("/health/live", b"{}", 405),
        ("/v1/models/reviews:predict", None, 405),
        ("/v1/models/reviews/versions/7:predict", None, 405),
    ],
)
def test_each_refusal_is_json_that_says_why(client: Client, path, body, status):
    found, content, _ = client.ask(path, body)
    assert found == status
    assert set(content) == {"error"}
    assert content["error"]


def test_to_predict_is_to_post(client: Client):
    assert client.ask("/v1/models/reviews:predict")[2]["Allow"] == "POST"


def test_a_body_of_unknown_length_has_the_same_limit(client: Client):
    connection = http.client.HTTPConnection(client.address, timeout=60)
    parts = iter([b" " * 500, b" " * 500])
    connection.request(
        "POST",
        "/v1/models/reviews:predict",
        parts,
        encode_chunked=True,
        headers={"Transfer-Encoding": "chunked"},
    )
    response = connection.getresponse()
    assert (response.status, "600 bytes at most" in response.read().decode()) == (413, True)
    connection.close()


def test_it_lives_and_names_the_model_that_is_ready(client: Client):
    assert client.ask("/health/live")[:2] == (200, {"status": "live"})
    ready = {"status": "ready", "name": "reviews", "version": "7"}
    assert client.ask("/health/ready")[:2] == (200, ready)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example"])
def test_who_asks_by_a_foreign_name_is_refused(client: Client, host: str):
    status, content, _ = client.ask("/health/live", headers={"Host": host})
    assert (status, content) == (403, {"error": "Ask by the name localhost or 127.0.0.1"})


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.:80", "localhost.", "127.0.0.1", "127.0.0.1:", "[::1]", "[::1]:80"],
)
def test_every_name_of_this_machine_is_answered(client: Client, host: str):
    assert client.ask("/health/live", headers={"Host": host})[0] == 200


def test_the_address_that_it_is_told_is_answered_and_a_removed_version_described(output: Path):
    with started(f"--output={output}", "--host=127.0.0.2") as client:
        shutil.rmtree(output / "serving" / "7")
        status, content, _ = client.ask("/v1/models/reviews/metadata")
        assert client.ask("/health/live", headers={"Host": "evil.example"})[0] == 403
    assert (status, content["model_spec"]["version"]) == (200, "7")
    assert content["metadata"]["signature_def"]["signature_def"] == {"classify_text": {}}


@pytest.mark.parametrize("path", ["/", "/page.js", "/nowhere"])
def test_every_answer_has_the_headers_that_bind_a_browser(client: Client, path: str):
    _, _, headers = client.ask(path)
    assert {name: headers[name] for name in guard.HEADERS} == guard.HEADERS
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")


def test_the_page_needs_nothing_from_elsewhere(client: Client):
    for path in ("/", "/page.css", "/page.js"):
        status, content, _ = client.ask(path)
        assert status == 200
        assert "//" not in content.replace("/**", "")
        assert " style=" not in content
        assert " onclick=" not in content


@pytest.mark.slow
def test_more_requests_than_allowed_are_told_to_come_again(output: Path, held: Held):
    with (
        started(f"--output={output}", "--max-requests=1") as client,
        concurrent.futures.ThreadPoolExecutor() as threads,
    ):
        first = threads.submit(client.predict, instances=[held.text])
        held.wait()
        status, content, headers = client.predict(instances=["good"])
        held.let_go()
        assert first.result()[0] == 200
    assert (status, headers["Retry-After"]) == (429, "1")
    assert "wait already" in content["error"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_once_what_was_asked_is_answered(output: Path, held: Held, number: int):
    with started(f"--output={output}") as client:
        connection = http.client.HTTPConnection(client.address, timeout=60)
        body = json.dumps({"instances": [held.text]})
        connection.request("POST", "/v1/models/reviews:predict", body)
        held.wait()
        client.process.send_signal(number)
        _refuses_connections(client.address)
        held.let_go()
        response = connection.getresponse()
        assert (response.status, response.getheader("Connection")) == (200, "close")
        assert json.load(response)["predictions"][0]["label"] == "bad"
        assert client.process.wait(60) == 0
        assert client.process.stderr is not None
        assert client.process.stderr.read() == ""


@pytest.mark.slow
def test_it_can_be_stopped_as_soon_as_it_has_said_where_it_answers(output: Path):
    with started(f"--output={output}") as client:
        client.process.terminate()
        assert client.process.wait(60) == 0


def _refuses_connections(address: str) -> None:
    """Waits until nobody listens any more."""
    host, port = address.split(":")
    with contextlib.suppress(ConnectionError):
        while True:
            socket.create_connection((host, int(port)), timeout=60).close()


@pytest.mark.slow
def test_no_request_is_lost_when_the_version_changes(output: Path):
    with (
        started(f"--output={output}") as client,
        concurrent.futures.ThreadPoolExecutor() as threads,
    ):
        text_server.push(output, 8, text_server.BROKEN)
        asked = [threads.submit(_until_version, client, "9") for _ in range(4)]
        assert client.line() == "version 8 is refused: It is broken. Mend it.\n"
        text_server.push(output, 9)
        assert client.line() == "version 9 answers from now on\n"
        for each in asked:
            assert each.result() == {("7", 200), ("9", 200)}


def _until_version(client: Client, last: str) -> set[tuple[str, int]]:
    """Asks until a version answers; returns the versions and statuses of all answers."""
    seen: set[tuple[str, int]] = set()
    while last not in {version for version, _ in seen}:
        status, _, headers = client.predict(instances=["good"])
        seen.add((headers["Model-Version"], status))
    return seen


def test_another_address_than_a_known_one_of_this_machine_is_warned_of(output: Path):
    with started(f"--output={output}", "--host=127.1") as client:  # so is 127.0.0.1 written, too
        assert client.started.startswith("warning: other machines can reach 127.1")
        client.address = client.line().partition("http://")[2].partition("/")[0]
        assert client.ask("/health/live", headers={"Host": "a.name"})[0] == 200


@pytest.mark.slow
def test_a_body_that_does_not_come_is_not_waited_for(output: Path):
    with started(f"--output={output}", "--timeout=0.1") as client:
        host, port = client.address.split(":")
        lines = ("POST /v1/models/reviews:predict HTTP/1.1", "Host: localhost", "Content-Length: 9")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall("\r\n".join([*lines, "", "{"]).encode())
            assert connection.recv(12) == b"HTTP/1.1 408"
        assert client.predict(instances=["good"])[0] == 200


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 70 + ".example"])
def test_an_address_that_is_none_is_one_line(output: Path, host: str, capsys):
    place = Place(output=str(output), host=host)
    with pytest.raises(InputError, match="cannot be listened on"):
        server.serve(place, Limits(), print, text_server.ModelOfOneRule)


def test_an_address_that_another_took_meanwhile_is_one_line(output: Path):
    """Two sockets may have an address until one of them listens."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        place = Place(output=str(output), port=other.getsockname()[1])

        def load(folder: Path) -> text_server.ModelOfOneRule:
            other.listen()
            return text_server.ModelOfOneRule(folder)

        with pytest.raises(InputError, match=r"cannot be listened on \(Address already in use"):
            server.serve(place, Limits(), print, load)


def test_a_taken_port_is_one_line(client: Client, output: Path):
    port = client.address.rpartition(":")[2]
    with started(f"--output={output}", f"--port={port}") as other:
        _, errors = other.process.communicate(timeout=60)
    assert other.process.returncode == 2
    assert errors.startswith(f"error: 127.0.0.1, port {port} cannot be listened on (Address")
