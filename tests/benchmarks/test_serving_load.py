"""What the load benchmark counts, against a server with a model of one rule."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import serving_load

from albert_tfx.release.production import is_whole
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


def test_what_clients_met_in_several_parts_is_added():
    parts = [serving_load.Load([0.1], {"1"}, 0, 2.0), serving_load.Load([0.2, 0.3], {"2"}, 1, 4.0)]
    both = parts[0] + parts[1]
    assert both == serving_load.Load([0.1, 0.2, 0.3], {"1", "2"}, 1, 6.0)
    assert {each.name: each.value for each in both.figures(1)}["1 client, rate"] == 0.5


def test_memory_has_to_level_off_in_the_last_two_parts():
    figures = {each.name: each for each in serving_load._memory_figures([800, 1000, 1030, 1040])}
    assert figures["memory after 1/3"].value == 1000
    assert figures["memory after, over after 1/3"].value == 1.04
    assert figures["memory after, over after 1/3"].bar == "<= 1.05"


def test_a_version_is_whole_that_was_pushed_before_with_its_card(tmp_path: Path):
    model = tmp_path / "7"
    (model / "assets.extra").mkdir(parents=True)
    for name in ("saved_model.pb", "assets.extra/origin.json", "assets.extra/MODEL_CARD.md"):
        (model / name).write_text(name)
    (tmp_path / "serving").mkdir()
    serving_load.push(model, tmp_path / "serving", 1)
    assert is_whole(tmp_path / "serving" / "1")
