"""What the load benchmark counts, against a server with a model of one rule."""

from collections.abc import Iterator

import pytest
import serving_load

from tests.support import text_server
from tests.support.text_server import Client, started


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    output = tmp_path_factory.mktemp("output")
    text_server.push(output, 7)
    with started(f"--output={output}") as client:
        yield client


def asked(client: Client, clients: int) -> serving_load.Load:
    """Lets clients ask for about forty texts altogether."""
    port = int(client.address.rpartition(":")[2])
    return serving_load.load(port, clients, lambda met: len(met.seconds) + met.lost < 40)


def test_each_answer_is_counted_with_its_time_and_version(client: Client):
    met = asked(client, 3)
    assert met.versions == {"7"}
    assert met.lost == 0
    assert 40 <= len(met.seconds) < 43
    assert sum(met.seconds) < 3 * met.took
    figures = {each.name: each.value for each in met.figures(3)}
    assert figures["3 clients, rate"] == len(met.seconds) / met.took
    assert figures["3 clients, p50"] <= figures["3 clients, p95"] <= figures["3 clients, p99"]


def test_what_fails_and_what_nobody_answers_is_lost(client: Client, monkeypatch):
    monkeypatch.setattr(serving_load, "_texts", lambda: ["good", "fail"])
    met = asked(client, 1)
    assert (len(met.seconds), met.lost) == (20, 20)
    client.process.kill()
    client.process.wait()
    assert asked(client, 1).lost == 40
