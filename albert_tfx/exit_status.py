"""How the commands end: each by an exit status that holds also where nobody takes their output."""

import atexit
import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn, ParamSpec

from albert_tfx.errors import LESS_MEMORY, InputError, is_full_disk, one_line

Given = ParamSpec("Given")

FAILED = 1
UNUSABLE_INPUT = 2
INTERRUPTED = 130
# As of a process that SIGPIPE ended.
UNREAD = 141
_OF_A_SIGNAL = 128
_ENDING = (signal.SIGTERM, signal.SIGHUP)
_STREAMS = ((1, "stdout"), (2, "stderr"))


def command(main: Callable[Given, int]) -> Callable[Given, int]:
    """Makes every way out of a command's `main` an exit status, without a traceback.

    SIGTERM, and SIGHUP where it is not ignored, end it once what is half written is removed.

    An `InputError` and a full disk are one line on standard error and status 2; Ctrl-C is 130; a
    standard output that nobody reads any more is 141. A standard error that nobody reads, or that
    is full, changes no status.
    """

    @functools.wraps(main)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> int:
        _open_closed_streams()
        try:
            with _unwinding():
                return _status(functools.partial(main, *args, **kwargs))
        except _Ended as end:
            signal.signal(end.number, signal.SIG_DFL)
            os.kill(os.getpid(), end.number)
            return _OF_A_SIGNAL + end.number
        finally:
            for descriptor, name in _STREAMS:
                _flush_or_drop(descriptor, name)

    return guarded


class _Ended(BaseException):
    """A signal has come by which the process is to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def _unwinding() -> Iterator[None]:
    """Lets signals that end the process unwind the block first, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    unhandled = [each for each in _ENDING if signal.getsignal(each) is signal.SIG_DFL]
    for number in unhandled:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in unhandled:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, frame: object) -> NoReturn:
    del frame
    raise _Ended(number)


def leave(main: Callable[[], int | None]) -> NoReturn:
    """Ends the process by what `main` returns or raises, as Python would, at once.

    Python takes itself down while threads of Beam, gRPC and TensorFlow still run. One that then
    logs ends the process by SIGABRT ("could not acquire lock for <_io.BufferedWriter
    name='<stderr>'> at interpreter shutdown"), and a task whose outputs are whole
    passes for failed.
    """
    status = _left_by(main)
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.current_thread():
            thread.join()
    atexit._run_exitfuncs()
    for descriptor, name in _STREAMS:
        _flush_or_drop(descriptor, name)
    os._exit(status)


def _left_by(main: Callable[[], int | None]) -> int:
    try:
        return main() or 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        complain(end.code)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    return FAILED


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
    except MemoryError as error:
        complain(InputError(f"memory is short ({one_line(error)})", LESS_MEMORY))
        return FAILED
    except Exception as error:
        if not is_full_disk(error):
            raise
        reason = getattr(error, "strerror", None) or one_line(error)
        complain(InputError(f"nothing more can be written ({reason})", "Free some space"))
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
