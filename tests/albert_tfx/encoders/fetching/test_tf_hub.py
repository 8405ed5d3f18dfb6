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

from albert_tfx.encoders.fetching import tf_hub
from albert_tfx.errors import InputError
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
        tf_hub.fetch(HANDLE)
    assert not list(cache.iterdir())


@pytest.mark.parametrize("host", [None, "another.machine.example"])
def test_what_may_be_alive_is_waited_for_and_named(
    cache: Path, dead_process, host, monkeypatch, caplog
):
    kept = lock(cache, dead_process if host else os.getpid(), host)
    downloaded = models.save_encoder(cache / "downloaded meanwhile")
    monkeypatch.setattr(tensorflow_hub, "resolve", lambda handle: downloaded)
    with caplog.at_level(logging.WARNING, "albert_tfx"):
        assert tf_hub.fetch(HANDLE) == downloaded
    assert kept.exists()
    (message,) = (each.getMessage() for each in caplog.records if each.name == tf_hub.__name__)
    assert f"on {host or socket.gethostname()}, which is downloading {HANDLE}" in message
    assert message.endswith(f"delete {kept}")


def test_a_file_that_is_no_lock_of_tf_hubs_is_left_alone(cache: Path, monkeypatch):
    kept = lock(cache, 1)
    kept.write_text("mine")
    found = models.save_encoder(cache / "found")
    monkeypatch.setattr(tensorflow_hub, "resolve", lambda handle: found)
    assert tf_hub.fetch(HANDLE) == found
    assert kept.read_text() == "mine"


def test_a_server_that_says_nothing_is_given_up(cache: Path, monkeypatch):
    monkeypatch.setattr(tf_hub, "_SILENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            InputError, match=r"cannot be downloaded \(.*timed out.*TFHUB_CACHE_DIR"
        ):
            tf_hub.fetch(f"http://127.0.0.1:{port}/albert/1")
    assert socket.getdefaulttimeout() is None


def test_an_unreachable_handle_is_refused_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    with pytest.raises(InputError, match=r"cannot be downloaded.*TFHUB_CACHE_DIR"):
        tf_hub.fetch("https://127.0.0.1:1/albert/1")


def test_a_handle_is_found_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    handle = "https://tfhub.dev/tensorflow/albert_en_base/3"
    cached = tmp_path / hashlib.sha1(handle.encode()).hexdigest()
    cached.symlink_to(models.save_encoder(tmp_path / "tiny"))
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    assert tf_hub.fetch(handle) == str(cached)


def test_half_a_cached_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    handle = "https://tfhub.dev/tensorflow/albert_en_base/3"
    (tmp_path / hashlib.sha1(handle.encode()).hexdigest() / "variables").mkdir(parents=True)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    with pytest.raises(InputError, match="Delete the folder"):
        tf_hub.fetch(handle)


def test_by_default_the_cache_is_the_user_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seen = []

    def resolve(handle: str) -> str:
        seen.append(os.environ["TFHUB_CACHE_DIR"])
        return models.save_encoder(tmp_path / "tiny")

    monkeypatch.setattr(tensorflow_hub, "resolve", resolve)
    assert tf_hub.fetch(HANDLE) == str(tmp_path / "tiny")
    assert seen == [str(tmp_path / "albert-tfx" / "tfhub_modules")]
    assert Path(seen[0]).stat().st_mode & 0o077 == 0
    assert "TFHUB_CACHE_DIR" not in os.environ


def test_a_cache_of_another_user_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 7)
    os.chown(cache, 8, -1) if os.getuid() == 0 else None
    with pytest.raises(InputError, match="belongs to another user"):
        tf_hub.fetch(HANDLE)


@pytest.mark.parametrize("download", ["../../precious", "a/../../precious"])
def test_a_lock_file_leads_to_no_other_folder(cache: Path, dead_process, download):
    precious = cache.parent / "precious.tmp"
    precious.mkdir(exist_ok=True)
    for folder in (f"{name_of(HANDLE)}.", f"{name_of(HANDLE)}.a"):
        (cache / folder).mkdir(exist_ok=True)
    kept = cache / f"{name_of(HANDLE)}.lock"
    kept.write_text(f"{socket.gethostname()}.{dead_process}.{download}")
    tf_hub._clear_abandoned_lock(cache, HANDLE)
    assert precious.exists()
    assert kept.exists()
