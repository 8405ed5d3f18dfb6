import signal
import subprocess
import sys

import pytest

from pipelines.local.interruption import stop_at_once

_WAITER = """
import ctypes, threading, time
from pipelines.local.interruption import stop_at_once

threading.Thread(target=threading.Event().wait).start()  # as Beam's, which Python would wait for
with stop_at_once(lambda: print("farewell", flush=True)):
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(128)
    libc.pthread_mutex_lock(mutex)
    print("waiting", flush=True)
    libc.pthread_mutex_lock(mutex)  # for ever, and no signal ends it
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_while_the_main_thread_is_in_c_and_another_thread_waits(number):
    process = subprocess.Popen([sys.executable, "-c", _WAITER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"

        process.send_signal(number)

        output, _ = process.communicate(timeout=30)
        assert output == "farewell\n"
        assert process.returncode == 128 + number
    finally:
        process.kill()


def test_leaves_the_handlers_as_they_were():
    before = signal.getsignal(signal.SIGINT)
    with stop_at_once(lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.set_wakeup_fd(-1) == -1
