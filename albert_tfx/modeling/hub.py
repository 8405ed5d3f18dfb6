"""Where a model's files are: in a folder, in this project's assets, or downloaded by TF Hub.

TF Hub's own download has two ways to wait in silence, which the one here does without: up to twenty
minutes for a download that was killed, whose lock is still there, and for ever for a server that
takes the connection and says nothing.
"""

import contextlib
import hashlib
import logging
import os
import shutil
import socket
import urllib.error
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import tensorflow as tf
import tensorflow_hub
from etils import epath
from tensorflow_hub.resolver import tfhub_cache_dir

from albert_tfx.errors import InputError, one_line

# What lies in this project's own package `assets`, wherever that is installed.
ASSET_SCHEME = "asset://"
_LOGGER = logging.getLogger(__name__)
_SILENCE = 30.0  # seconds without a byte, after which a server is given up


def resolve(handle: str) -> str:
    """Returns the folder of a model, downloaded to TF Hub's cache first where `handle` is a URL.

    Args:
      handle: A TF Hub or Kaggle URL, or a folder, local, in a bucket or, as `asset://NAME`, in this
        project's package `assets`.

    Raises:
      InputError: There is no such folder, it holds no SavedModel, or the URL cannot be reached.
    """
    is_url = handle.startswith(("http://", "https://"))
    if handle.startswith(ASSET_SCHEME):
        handle = str(resources.files("assets") / handle.removeprefix(ASSET_SCHEME))
    if not is_url and not epath.Path(handle).is_dir():
        raise InputError(
            f"There is no model folder {handle!r}",
            "Give the folder that holds saved_model.pb, or a TF Hub or Kaggle URL",
        )
    try:
        folder = fetch(handle) if is_url else handle
    except (urllib.error.URLError, OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"{handle} cannot be downloaded ({one_line(error)})",
            "Check the handle and the network, or download the model elsewhere and give its "
            "folder, or the folder above it as TFHUB_CACHE_DIR",
        ) from error
    if not (epath.Path(folder) / "saved_model.pb").exists():
        raise InputError(
            f"{folder} holds no saved_model.pb",
            "Delete the folder, so that the model is downloaded again"
            if is_url
            else "Give the folder that holds saved_model.pb",
        )
    return folder


def fetch(handle: str) -> str:
    """Returns the folder of a model in TF Hub's cache, downloaded first where it is not there.

    Args:
      handle: A TF Hub or Kaggle URL.

    Raises:
      OSError: The network or the server failed, or was silent for half a minute; also what else
        `hub.resolve` raises.
    """
    _clear_abandoned_lock(handle)
    with _network_timeout(_SILENCE):
        return str(tensorflow_hub.resolve(handle))


def _clear_abandoned_lock(handle: str) -> None:
    """Removes the lock of a download whose process has ended; warns where it has to wait."""
    folder = Path(tfhub_cache_dir(use_temp=True), hashlib.sha1(handle.encode()).hexdigest())
    lock = folder.with_name(f"{folder.name}.lock")
    try:
        host, process, download = lock.read_text().rsplit(".", 2)
        is_dead = host == socket.gethostname() and not _is_alive(int(process))
    except (OSError, ValueError):  # there is none, or it is not TF Hub's
        return
    if is_dead:
        shutil.rmtree(f"{folder}.{download}.tmp", ignore_errors=True)
        lock.unlink(missing_ok=True)
    elif not folder.exists():
        _LOGGER.warning(
            "waiting for process %s on %s, which is downloading %s; if there is none, delete %s",
            process,
            host,
            handle,
            lock,
        )


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


@contextlib.contextmanager
def _network_timeout(seconds: float) -> Iterator[None]:
    """Limits how long a socket waits; TF Hub offers no way to say so to `urlopen`."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
