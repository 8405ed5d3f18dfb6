"""Whether a model of Hugging Face can be had at all, asked before what fetches it is imported.

That import takes longer than all else that a mistyped path has to wait for.
"""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from albert_tfx.encoders.fetching.handles import HuggingFaceModel
from albert_tfx.errors import UnreachableError, first_line

SILENCE = 10.0  # seconds without an answer, after which Hugging Face is given up
OFFLINE = "HF_HUB_OFFLINE is set"
_ENDPOINT = "https://huggingface.co"
_PORTS = {"http": 80, "https": 443}
_TRUE = ("1", "ON", "YES", "TRUE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def require(model: HuggingFaceModel) -> None:
    """Refuses a model of which the cache holds nothing, where Hugging Face cannot be reached.

    Raises:
      UnreachableError: So it is.
    """
    name = f"models--{model.name.replace('/', '--')}"
    reason = "" if (cache() / name).exists() else _reason()
    if reason:
        raise unreachable(model, reason)


def unreachable(model: HuggingFaceModel, reason: str) -> UnreachableError:
    """Returns the error for a model that is neither in the cache nor to be fetched."""
    return UnreachableError(
        f"{model} is not in, or not whole in, Hugging Face's cache, and Hugging Face cannot be "
        f"reached ({reason})",
        "Check the network; or download it elsewhere with `hf download "
        f"{model.name}`, and bring the folder here or name its cache in HF_HOME",
    )


def cache() -> Path:
    """Returns the folder of Hugging Face's cache, as `huggingface_hub.constants` finds it."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or os.path.join(caches, "huggingface")
    hub = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return Path(os.path.expandvars(hub or os.path.join(home, "hub"))).expanduser()


def _reason() -> str:
    """Returns why Hugging Face cannot be reached; empty where it can, or a proxy has to be asked.

    Switches: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables.
    """
    switches = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    if any(value.upper() in _TRUE for value in switches):
        return OFFLINE
    if any(value and name.lower() in _PROXIES for name, value in os.environ.items()):
        return ""
    return _unconnected(os.environ.get("HF_ENDPOINT") or _ENDPOINT)


def _unconnected(endpoint: str) -> str:
    url = urlsplit(endpoint)
    try:
        socket.create_connection((url.hostname, url.port or _PORTS[url.scheme]), SILENCE).close()
    except OSError as error:
        return first_line(error)
    return ""
