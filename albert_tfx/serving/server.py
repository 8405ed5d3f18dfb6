"""Starts the server, and stops it once what it was asked is answered."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from albert_tfx.errors import InputError
from albert_tfx.prediction.pushed_model import silenced_errors
from albert_tfx.serving import app, guard, versions
from albert_tfx.serving.options import Limits, Place

_LARGEST_HEAD = 16 << 10  # bytes


def serve(
    place: Place,
    limits: Limits,
    say: Callable[[str], None],
    load_version: Callable[[Path], versions.Model] = versions.load,
) -> None:
    """Serves until SIGTERM or Ctrl-C, then answers what it was asked, and returns.

    Args:
      place: Which model is served, and where.
      limits: What may be asked for.
      say: Is told in one line what an operator has to know.
      load_version: Loads the model in a version's folder.

    Raises:
      InputError: No version can be loaded, or the address cannot be listened on.
    """
    with _listening(place) as listener:
        with silenced_errors():
            held = versions.Versions(place.serving, say, load_version)
        service = app.Service(place.name, held, limits)
        is_local = guard.is_loopback(place.host)
        application = guard.Guard(app.make(service), *(() if is_local else (None,)))
        if not is_local:
            say(f"warning: other machines can reach {place.host}, and no password is asked for")
        # uvicorn hands a signal on, once it has stopped, to whoever handled it before.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        listener.listen()
        say(
            f"version {held.current.number} of {place.name} answers at {_address(listener)}"
            " (Ctrl-C stops)"
        )
        uvicorn.Server(_config(application, limits)).run([listener])


def _listening(place: Place) -> socket.socket:
    """Returns a socket that has the address, which no other process can take any more."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((place.host, place.port))
    except OSError as error:
        listener.close()
        raise InputError(
            f"{place.host}, port {place.port} cannot be listened on ({error.strerror})",
            "Give another with --host or --port",
        ) from error
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _config(application: guard.Guard, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        timeout_graceful_shutdown=int(limits.timeout) + 1,
    )
