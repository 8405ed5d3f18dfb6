import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from albert_tfx.encoders.fetching import reachability
from albert_tfx.encoders.fetching.handles import HuggingFaceModel
from albert_tfx.errors import UnreachableError
from tests.support import hugging_face_hub

MODEL = HuggingFaceModel("owner/model")
VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in (*PROXIES, "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    hugging_face_hub.unreachable(monkeypatch)
    return hugging_face_hub.use_cache(monkeypatch, tmp_path / "hub")


def test_what_neither_cache_nor_network_has_is_refused():
    with pytest.raises(UnreachableError, match=r"hf://owner/model is not in, .*refused"):
        reachability.require(MODEL)


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_the_network_is_not_asked_where_that_is_forbidden(monkeypatch, switch: str):
    monkeypatch.setenv(switch, "true")
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("asked"))
    with pytest.raises(UnreachableError, match="HF_HUB_OFFLINE is set"):
        reachability.require(MODEL)


def test_what_the_cache_has_a_part_of_is_left_to_huggingface_hub(clean: Path):
    (clean / "models--owner--model").mkdir(parents=True)
    reachability.require(MODEL)


def test_a_proxy_is_left_to_huggingface_hub(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", "localhost")
    with pytest.raises(UnreachableError):
        reachability.require(MODEL)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    reachability.require(MODEL)


def test_who_listens_is_left_to_huggingface_hub(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        reachability.require(MODEL)


@pytest.mark.parametrize("given", [(), *((name,) for name in VARIABLES), VARIABLES])
def test_the_cache_is_where_huggingface_hub_has_it(monkeypatch, given: tuple[str, ...]):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in given:
        monkeypatch.setenv(name, f"~/$HOME/{name}")
    code = "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert str(reachability.cache()) == str(Path(found.stdout.strip()))
