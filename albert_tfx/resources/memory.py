"""How much memory a piece of work takes, in a process that does other work as well."""

import contextlib
import ctypes
import gc
import math
import re
import threading
from collections.abc import Iterator
from pathlib import Path

# https://man7.org/linux/man-pages/man5/proc_pid_status.5.html: VmRSS, and its peak VmHWM.
_STATUS = Path("/proc/self/status")
_SECONDS_BETWEEN_SAMPLES = 0.01


class Taken:
    """The resident memory that a piece of work took.

    Attributes:
      bytes: The most that the process held during the work, less what it held before; NaN while the
        work goes on, and where the system does not say.
    """

    bytes: float = math.nan


@contextlib.contextmanager
def taken() -> Iterator[Taken]:
    """Measures the block that it is opened for.

    What is free is given back to the system first, so that the work does not take it unnoticed. The
    peak that the kernel keeps is that of the block where it has risen; else it is of earlier work,
    and the most that was seen in samples is in its place. That peak is not reset, since others read
    it of the whole process.
    """
    gc.collect()
    trim()
    found, before, peak_before = Taken(), _kept("VmRSS"), _kept("VmHWM")
    samples, ended = [before], threading.Event()

    def sample() -> None:
        while not ended.wait(_SECONDS_BETWEEN_SAMPLES):
            samples[0] = max(samples[0], _kept("VmRSS"))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield found
    finally:
        ended.set()
        sampler.join()
    peak = _kept("VmHWM")
    most = peak if peak > peak_before else max(samples[0], _kept("VmRSS"))
    found.bytes = most - before


def _kept(name: str) -> float:
    """Returns a figure of the process in bytes; NaN where the system does not say."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return math.nan
    return int(found[1]) * 1024 if found else math.nan


def trim() -> None:
    """Returns memory that is free to the system, as far as the C library can: `malloc_trim`."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
