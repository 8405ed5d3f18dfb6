"""Keeps what TensorFlow, Beam and TFX say off the terminal, in one file."""

import contextlib
import ctypes
import fcntl
import io
import logging
import os
import pathlib
import shlex
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

from albert_tfx.errors import InputError, is_full_disk
from albert_tfx.printable import hide, printable, redacted, secrets

_LARGE = 32 << 20  # bytes of a log that the next run does not add to
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextlib.contextmanager
def capture(path: str) -> Iterator[TextIO]:
    """Sends file descriptors 1 and 2, and Python's logging from INFO on, to the end of `path`.

    Descriptors, not `sys.stdout`: TensorFlow's C++ and Beam's processes know nothing of the
    latter. While it is open, no other process can capture to a file in the same folder. A large
    log is renamed first, so that a folder has two at most. Passwords of the command line are not
    in it, where Python logs them.

    Yields:
      The standard output as it was, to write to meanwhile. What nobody reads there is lost, and
      is no error: the run matters, not who watches it.

    Raises:
      InputError: The file cannot be written, or another process captures to that folder.
    """
    file = pathlib.Path(path)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_locked(_made(file.parent)))
        log = stack.enter_context(_open(file))
        command = printable(shlex.join(redacted(sys.argv)))
        log.write(f"\n==== {time.strftime('%Y-%m-%d %H:%M:%S %z')} {command}\n")
        _flush()
        output = stack.enter_context(_redirected(sys.stdout, 1, log))
        stack.enter_context(_redirected(sys.stderr, 2, log))
        stack.enter_context(_logging_to(log))
        stack.callback(_flush)
        yield output


def _made(folder: pathlib.Path) -> pathlib.Path:
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _open(path: pathlib.Path) -> TextIO:
    """Opens a log to add to; a large one is renamed, in place of the one before it."""
    with _explained(path.parent):
        if path.exists() and path.stat().st_size > _LARGE:
            path.replace(path.with_name(f"{path.name}.1"))
        return path.open("a", encoding="utf-8", buffering=1)


@contextlib.contextmanager
def _explained(folder: pathlib.Path) -> Iterator[None]:
    """Turns what keeps the block from writing to a folder into one line with a remedy."""
    try:
        yield
    except OSError as error:
        remedy = "Give another folder with --output DIR"
        raise InputError(
            f"{folder} cannot be written ({error.strerror})",
            f"Free some space, or: {remedy}" if is_full_disk(error) else remedy,
        ) from error


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
    """Locks the folder itself: files in it are rotated, renamed and deleted by others.

    Raises:
      InputError: Another process has locked it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        cause = f"another run is writing to {folder}"
        raise InputError(cause, "Wait for it, or give another folder with --output DIR") from error
    finally:
        os.close(descriptor)


class _Unwatched(io.FileIO):
    """Takes whatever is written, also where its pipe is closed or its terminal gone."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


@contextlib.contextmanager
def _redirected(stream: TextIO, descriptor: int, log: TextIO) -> Iterator[TextIO]:
    kept = os.dup(descriptor)
    os.dup2(log.fileno(), descriptor)
    try:
        file = io.BufferedWriter(_Unwatched(os.dup(kept), "w"))
        with io.TextIOWrapper(file, stream.encoding, "replace", line_buffering=True) as to:
            yield to
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


class _Formatter(logging.Formatter):
    """Writes records without passwords and without what changes the terminal that shows them."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)
        self._hidden = secrets(sys.argv)

    def format(self, record: logging.LogRecord) -> str:
        return printable(hide(super().format(record), self._hidden))


@contextlib.contextmanager
def _logging_to(log: TextIO) -> Iterator[None]:
    import absl.logging

    root, verbosity = logging.getLogger(), absl.logging.get_verbosity()
    level = root.level
    handler = logging.StreamHandler(log)
    handler.setFormatter(_Formatter())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    absl.logging.set_verbosity(absl.logging.INFO)
    try:
        yield
    finally:
        absl.logging.set_verbosity(verbosity)
        root.setLevel(level)
        root.removeHandler(handler)


def _flush() -> None:
    """Writes what Python and C have buffered, before the descriptors point elsewhere."""
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)
