"""Where models are found, and downloads that were killed or never begin."""

import hashlib
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow_hub

from albert_tfx.errors import InputError
from albert_tfx.modeling import hub
from tests.support import models

HANDLE = "https://127.0.0.1:1/albert/1"


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
        hub.resolve(HANDLE)
    assert not list(cache.iterdir())


@pytest.mark.parametrize("host", [None, "another.machine.example"])
def test_what_may_be_alive_is_waited_for_and_named(
    cache: Path, dead_process, host, monkeypatch, caplog
):
    kept = lock(cache, dead_process if host else os.getpid(), host)
    monkeypatch.setattr(tensorflow_hub, "resolve", lambda handle: "downloaded meanwhile")
    with caplog.at_level(logging.WARNING, "components"):
        assert hub.fetch(HANDLE) == "downloaded meanwhile"
    assert kept.exists()
    (message,) = caplog.messages
    assert f"on {host or socket.gethostname()}, which is downloading {HANDLE}" in message
    assert message.endswith(f"delete {kept}")


def test_a_file_that_is_no_lock_of_tf_hubs_is_left_alone(cache: Path, monkeypatch):
    kept = lock(cache, 1)
    kept.write_text("mine")
    monkeypatch.setattr(tensorflow_hub, "resolve", lambda handle: "found")
    assert hub.fetch(HANDLE) == "found"
    assert kept.read_text() == "mine"


def test_a_server_that_says_nothing_is_given_up(cache: Path, monkeypatch):
    monkeypatch.setattr(hub, "_SILENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            InputError, match=r"cannot be downloaded \(.*timed out.*TFHUB_CACHE_DIR"
        ):
            hub.resolve(f"http://127.0.0.1:{port}/albert/1")
    assert socket.getdefaulttimeout() is None


def test_a_missing_folder_is_refused_by_its_name(tmp_path: Path):
    with pytest.raises(InputError, match=r"There is no model folder .*nowhere"):
        hub.resolve(str(tmp_path / "nowhere"))


def test_an_asset_is_found_in_the_package_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert Path(hub.resolve("asset://albert_en_mini"), "saved_model.pb").exists()
    with pytest.raises(InputError, match=r"There is no model folder .*albert_en_maxi"):
        hub.resolve("asset://albert_en_maxi")


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"holds no saved_model\.pb"):
        hub.resolve(str(tmp_path))


def test_an_unreachable_handle_is_refused_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    with pytest.raises(InputError, match=r"cannot be downloaded.*TFHUB_CACHE_DIR"):
        hub.resolve("https://127.0.0.1:1/albert/1")


def test_a_handle_is_found_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    handle = "https://tfhub.dev/tensorflow/albert_en_base/3"
    cached = tmp_path / hashlib.sha1(handle.encode()).hexdigest()
    cached.symlink_to(models.save_encoder(tmp_path / "tiny"))
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    assert hub.resolve(handle) == str(cached)


def test_half_a_cached_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    handle = "https://tfhub.dev/tensorflow/albert_en_base/3"
    (tmp_path / hashlib.sha1(handle.encode()).hexdigest() / "variables").mkdir(parents=True)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    with pytest.raises(InputError, match="Delete the folder"):
        hub.resolve(handle)
