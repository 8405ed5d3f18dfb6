"""Starts the server, and stops it once what it was asked is answered."""

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from albert_tfx.errors import InputError, one_line
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
        application = guard.Guard(
            app.make(service),
            _host(listener) if is_local else None,
            is_stopping=lambda: running.should_exit,
        )
        if not is_local:
            say(f"warning: other machines can reach {place.host}, and no password is asked for")
        with _taken_or_refused(place):
            listener.listen()
        running = uvicorn.Server(_config(application, limits))
        _stop_by_signals(running)
        say(
            f"version {held.current.number} of {place.name} answers at {_address(listener)}"
            " (Ctrl-C stops)"
        )
        running.run([listener])


def _stop_by_signals(running: uvicorn.Server) -> None:
    """Lets a signal stop the server also before uvicorn handles it.

    Once it has stopped, uvicorn hands the signal on to this handler, so that it ends no process.
    """

    def stop(*_: object) -> None:
        running.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _listening(place: Place) -> socket.socket:
    """Returns a socket that has the address."""
    listener = socket.socket(socket.AF_INET6 if ":" in place.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with contextlib.ExitStack() as opened:
        opened.callback(listener.close)
        with _taken_or_refused(place):
            listener.bind((place.host, place.port))
        opened.pop_all()
    return listener


@contextlib.contextmanager
def _taken_or_refused(place: Place) -> Iterator[None]:
    """Turns the errors of an address that is taken, or is none, into one line."""
    try:
        yield
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise InputError(
            f"{place.host}, port {place.port} cannot be listened on ({reason})",
            "Give another with --host or --port",
        ) from error


def _address(listener: socket.socket) -> str:
    return f"http://{_host(listener)}:{listener.getsockname()[1]}/"


def _host(listener: socket.socket) -> str:
    """Returns the address that is listened on, as in a URL."""
    host = listener.getsockname()[0]
    return f"[{host}]" if ":" in host else host


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
