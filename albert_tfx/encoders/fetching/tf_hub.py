"""Models that TF Hub downloads: where their files are, in a cache that is the user's own.

TF Hub's own download has two ways to wait in silence, which the one here does without: up to twenty
minutes for a download that was killed, whose lock is still there, and for ever for a server that
takes the connection and says nothing. Its own default cache is a folder of a known name in the
shared folder for temporary files, where any user can put a model beforehand.
"""

import contextlib
import hashlib
import logging
import os
import re
import shutil
import socket
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
import tensorflow_hub
from etils import epath

from albert_tfx.encoders.fetching import user_cache
from albert_tfx.errors import InputError, one_line

_CACHE = "TFHUB_CACHE_DIR"
_LOGGER = logging.getLogger(__name__)
_SILENCE = 30.0  # seconds without a byte, after which a server is given up
_ROOT = 0
_DOWNLOAD = re.compile(r"[0-9a-z]+")  # TF Hub's name of one


def fetch(handle: str) -> str:
    """Returns the folder of a model in TF Hub's cache, downloaded first where it is not there.

    The cache is `TFHUB_CACHE_DIR` or, where that is not set, `tfhub_modules` in this project's
    folder among the user's caches.

    Args:
      handle: A TF Hub or Kaggle URL.

    Raises:
      InputError: The network or the server failed, or was silent for half a minute; the cache
        belongs to another user, or holds half a model.
    """
    cache = _cache()
    _clear_abandoned_lock(Path(cache), handle)
    try:
        with _network_timeout(_SILENCE), _environment(_CACHE, cache):
            folder = str(tensorflow_hub.resolve(handle))
    except (urllib.error.URLError, OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"{handle} cannot be downloaded ({one_line(error)})",
            "Check the handle and the network, or download the model elsewhere and give its "
            f"folder, or the folder above it as {_CACHE}",
        ) from error
    if not (epath.Path(folder) / "saved_model.pb").exists():
        raise InputError(
            f"{folder} holds no saved_model.pb",
            "Delete the folder, so that the model is downloaded again",
        )
    return folder


def _cache() -> str:
    named = os.environ.get(_CACHE)
    if not named:
        return str(user_cache.folder("tfhub_modules"))
    if "://" not in named and Path(named).exists():
        user_cache.require_own(Path(named), others=(_ROOT,))
    return named


def _clear_abandoned_lock(cache: Path, handle: str) -> None:
    """Removes the lock of a download whose process has ended; warns where it has to wait."""
    folder = cache / hashlib.sha1(handle.encode()).hexdigest()
    lock = folder.with_name(f"{folder.name}.lock")
    try:
        is_own = lock.lstat().st_uid == os.geteuid()
        host, process, download = lock.read_text().rsplit(".", 2)
        is_dead = host == socket.gethostname() and not _is_alive(int(process))
    except (OSError, ValueError):  # there is none, or it is not TF Hub's
        return
    if is_dead and is_own and _DOWNLOAD.fullmatch(download):
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
def _environment(name: str, value: str) -> Iterator[None]:
    """Sets an environment variable, by which alone TF Hub's cache can be chosen."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextlib.contextmanager
def _network_timeout(seconds: float) -> Iterator[None]:
    """Limits how long a socket waits; TF Hub offers no way to say so to `urlopen`."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
