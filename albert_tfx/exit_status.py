"""How the commands end: each by an exit status that holds also where nobody takes their output."""

import errno
import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

from albert_tfx.errors import InputError

Given = ParamSpec("Given")

UNUSABLE_INPUT = 2
INTERRUPTED = 130
# As of a process that SIGPIPE ended.
UNREAD = 141
_STREAMS = ((1, "stdout"), (2, "stderr"))
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def command(main: Callable[Given, int]) -> Callable[Given, int]:
    """Makes every way out of a command's `main` an exit status, without a traceback.

    An `InputError` and a full disk are one line on standard error and status 2; Ctrl-C is 130; a
    standard output that nobody reads any more is 141. A standard error that nobody reads, or that
    is full, changes no status.
    """

    @functools.wraps(main)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> int:
        _open_closed_streams()
        try:
            return _status(functools.partial(main, *args, **kwargs))
        finally:
            for descriptor, name in _STREAMS:
                _flush_or_drop(descriptor, name)

    return guarded


def complain(error: object) -> None:
    """Prints an error; where nobody reads it, the exit status is all that says it."""
    try:
        print(f"error: {error}", file=sys.stderr, flush=True)
    except OSError:
        _flush_or_drop(*_STREAMS[1])


def _status(main: Callable[[], int]) -> int:
    try:
        status = _returned(main)
        sys.stdout.flush()
        return status
    except InputError as error:
        complain(error)
        return UNUSABLE_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return UNREAD
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        complain(InputError(f"nothing more can be written ({error.strerror})", "Free some space"))
        return UNUSABLE_INPUT


def _returned(main: Callable[[], int]) -> int:
    try:
        return main()
    except SystemExit as end:  # of --help
        return int(end.code or 0)


def _open_closed_streams() -> None:
    """Opens standard streams that the caller closed, else the next file would take their place."""
    for descriptor, name in _STREAMS:
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
            setattr(sys, name, os.fdopen(descriptor, "w"))


def _flush_or_drop(descriptor: int, name: str) -> None:
    """Drops what a stream cannot write: Python would try again at its end, and exit with 120."""
    try:
        getattr(sys, name).flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
