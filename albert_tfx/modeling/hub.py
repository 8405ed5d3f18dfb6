"""TF Hub's download of a model, without its two ways to wait in silence.

TF Hub waits up to twenty minutes for a download that was killed, whose lock is still there, and
for ever for a server that takes the connection and says nothing.
"""

import contextlib
import hashlib
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import tensorflow_hub as hub
from tensorflow_hub.resolver import tfhub_cache_dir

_LOGGER = logging.getLogger(__name__)
_SILENCE = 30.0  # seconds without a byte, after which a server is given up


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
        return hub.resolve(handle)


def _clear_abandoned_lock(handle: str) -> None:
    """Removes the lock of a download whose process is no more; says so if it must be waited for."""
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
