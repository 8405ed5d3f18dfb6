"""Downloads that were killed or never begin, in a cache folder of the test's own."""

import hashlib
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow_hub as hub

from albert_tfx.errors import InputError
from albert_tfx.modeling import encoder
from albert_tfx.modeling import hub as model_download

HANDLE = "https://localhost:1/albert/1"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def name_of(handle: str) -> str:
    return hashlib.sha1(handle.encode()).hexdigest()


def lock(cache: Path, process: int, host: str | None = None) -> Path:
    """Locks the download of `HANDLE` as TF Hub does, and leaves a part of it."""
    (cache / f"{name_of(HANDLE)}.abc.tmp").mkdir()
    path = cache / f"{name_of(HANDLE)}.lock"
    path.write_text(f"{host or socket.gethostname()}.{process}.abc")
    return path


def test_a_dead_downloads_lock_and_remains_are_cleared_away(cache: Path, dead_process: int):
    lock(cache, dead_process)
    with pytest.raises(InputError, match="cannot be downloaded"):  # at once, with no server
        encoder.resolve(HANDLE)
    assert not list(cache.iterdir())


@pytest.mark.parametrize("host", [None, "another.machine.example"])
def test_what_may_be_alive_is_waited_for_and_named(
    cache: Path, dead_process, host, monkeypatch, caplog
):
    kept = lock(cache, dead_process if host else os.getpid(), host)
    monkeypatch.setattr(hub, "resolve", lambda handle: "downloaded meanwhile")
    with caplog.at_level(logging.WARNING, "components"):
        assert model_download.fetch(HANDLE) == "downloaded meanwhile"
    assert kept.exists()
    (message,) = caplog.messages
    assert f"on {host or socket.gethostname()}, which is downloading {HANDLE}" in message
    assert message.endswith(f"delete {kept}")


def test_a_file_that_is_no_lock_of_tf_hubs_is_left_alone(cache: Path, monkeypatch):
    kept = lock(cache, 1)
    kept.write_text("mine")
    monkeypatch.setattr(hub, "resolve", lambda handle: "found")
    assert model_download.fetch(HANDLE) == "found"
    assert kept.read_text() == "mine"


def test_a_server_that_says_nothing_is_given_up(cache: Path, monkeypatch):
    monkeypatch.setattr(model_download, "_SILENCE", 0.1)
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            InputError, match=r"cannot be downloaded \(.*timed out.*TFHUB_CACHE_DIR"
        ):
            encoder.resolve(f"http://localhost:{port}/albert/1")
    assert socket.getdefaulttimeout() is None
