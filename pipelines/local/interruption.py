"""What ends a run: Ctrl-C does, at once; a terminal that is closed does not."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stop_at_once(farewell: Callable[[], None]) -> Iterator[None]:
    """Calls `farewell` and ends the process as soon as SIGINT or SIGTERM arrives.

    Python's own handlers wait for the main thread, which may be inside TensorFlow's C++ for
    minutes, and a `KeyboardInterrupt` would then wait for Beam's threads. So a thread of our own
    waits for the signal, and the process ends without unwinding: ML Metadata takes no notice of
    executions that never published. The exit status is 128 plus the signal's number.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    waiter = threading.Thread(target=_await, args=(read_end, farewell), daemon=True)
    waiter.start()
    before = {number: signal.signal(number, _leave_to_waiter) for number in _SIGNALS}
    fd_before = signal.set_wakeup_fd(write_end)
    try:
        yield
    finally:
        signal.set_wakeup_fd(fd_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(write_end)
        waiter.join()
        os.close(read_end)


@contextlib.contextmanager
def outlive_terminal() -> Iterator[None]:
    """Ignores SIGHUP, as `nohup` does: the log has all that the terminal would have shown."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _await(read_end: int, farewell: Callable[[], None]) -> None:
    """Waits for the number of a signal of ours, or for the pipe's end."""
    while received := os.read(read_end, 1):
        if received[0] in _SIGNALS:
            try:
                farewell()
            finally:
                os._exit(128 + received[0])


def _leave_to_waiter(number: int, frame: object) -> None:
    """Does nothing: a handler must be there for Python to write to the wakeup descriptor."""
