"""What a task used of its machine: its log ends with it, and a replay reads it there."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

# Of a log's end, in bytes; what a library prints at its exit comes after the line.
_END = 65536
_LINE = "used {:.1f} s, {:.1f} s of processors, {:.0f} MiB of memory at the most"
_NUMBER = r"(\d+(?:\.\d+)?)"
_USED = re.compile("^" + re.sub(r"\{.*?\}", lambda _: _NUMBER, _LINE) + "$", re.MULTILINE)


@dataclass(frozen=True)
class Usage:
    """What one process used.

    Attributes:
      seconds: From its start to now.
      processor_seconds: Of all its threads, and of the processes that it waited for.
      memory: The most that it had at once, in MiB.
    """

    seconds: float
    processor_seconds: float
    memory: float

    def __str__(self) -> str:
        return _LINE.format(self.seconds, self.processor_seconds, self.memory)


def own_usage() -> Usage:
    """Returns what this process has used, by what Linux says of it."""
    return Usage(_age(), sum(os.times()[:4]), _peak_memory())


def read_usage(log: str | os.PathLike[str]) -> Usage | None:
    """Returns what the last line of that kind in a log says, None without one."""
    found = _USED.findall(read_end(log, _END))
    return Usage(*map(float, found[-1])) if found else None


def read_end(log: str | os.PathLike[str], length: int) -> str:
    """Returns the text of a log's last bytes, at most so many."""
    with open(log, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - length))
        return file.read().decode(errors="replace")


def _age() -> float:
    # After the name, which may hold anything; in clock ticks since the machine's start.
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _peak_memory() -> float:
    # Not `getrusage`: its peak is that of the process by which this one was forked, too.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
