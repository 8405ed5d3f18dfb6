"""What this process opens to the network: to this machine alone, and no more than it uses.

Beam's workers in threads or processes of their own talk to the runner by servers on `[::]`, every
interface of the machine, without authentication (`apache_beam.runners.portability`). TFX's launcher
opens a server for each component, for executors in a cloud to report to.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

_EVERY_INTERFACE = re.compile(r"(\[::\]|0\.0\.0\.0|\*)(?=:\d+$)|^(?=:\d+$)")
_LOOPBACK = "localhost"


def listen_on_loopback() -> None:
    """Lets servers of gRPC listen on loopback only, whatever they ask for.

    Beam offers no option for its addresses.
    """
    from grpc import _server

    server = _server._Server
    server.add_insecure_port = _on_loopback(server.add_insecure_port)


def open_no_watcher() -> None:
    """Keeps TFX's launcher from opening a server, which only executors in a cloud report to."""
    from tfx.orchestration.portable import execution_watcher

    execution_watcher.ExecutionWatcher = _NoWatcher  # type: ignore[assignment, misc]


def _on_loopback(add_port: Callable[[Any, str], int]) -> Callable[[Any, str], int]:
    @functools.wraps(add_port)
    def add(server: Any, address: str) -> int:
        return add_port(server, on_loopback(address))

    return add


def on_loopback(address: str) -> str:
    """Returns an address of this machine alone for one of every interface.

    >>> on_loopback("[::]:0"), on_loopback("0.0.0.0:80"), on_loopback("localhost:8")
    ('localhost:0', 'localhost:80', 'localhost:8')
    """
    return _EVERY_INTERFACE.sub(_LOOPBACK, address)


class _NoWatcher:
    """Replaces TFX's server for what executors in a cloud report: the ones here run in process."""

    address = ""

    def __init__(self, **_: Any) -> None:
        pass

    def start(self) -> None:
        """Starts nothing."""

    def stop(self) -> None:
        """Stops nothing."""
