"""How much memory a run needs at least, and how much this machine has for it."""

import re
from pathlib import Path

from albert_tfx.errors import LESS_MEMORY

_GIB = 1 << 30
# Peak of a run on the sample reviews with the small ALBERT: libraries, Beam, texts.
_WITHOUT_ENCODER = 2.4 * _GIB
# Of fine-tuning: a weight, its gradient, and its two moments in AdamW, 4 bytes each; and the frozen
# and the exported copy.
_BYTES_PER_WEIGHT = 24
_MEMINFO = Path("/proc/meminfo")
_LIMIT = Path("/sys/fs/cgroup/memory.max")


def needed(weights: int) -> int:
    """Returns the bytes that a run needs at least; longer texts and larger batches need more.

    Args:
      weights: Of the encoder.
    """
    return int(_WITHOUT_ENCODER + _BYTES_PER_WEIGHT * weights)


def available(meminfo: Path = _MEMINFO, limit: Path = _LIMIT) -> int | None:
    """Returns the bytes that are free here, by the kernel and the control group; None if unknown.

    Args:
      meminfo: https://man7.org/linux/man-pages/man5/proc_meminfo.5.html.
      limit: https://docs.kernel.org/admin-guide/cgroup-v2.html, `memory.max`.
    """
    found = re.search(r"MemAvailable:\s+(\d+) kB", _read(meminfo))
    known = [int(found[1]) * 1024] if found else []
    if (text := _read(limit).strip()).isdecimal():
        known.append(int(text))
    return min(known, default=None)


def describe(weights: int) -> str:
    """Returns one line on what a run needs and what there is, with the remedy where it is less."""
    need, free = needed(weights), available()
    line = f"memory: at least {need / _GIB:.1f} GiB"
    if free is None:
        return line
    line = f"{line}, of {free / _GIB:.1f} GiB that are free"
    return line if free > need else f"{line}. The kernel may kill this run. {LESS_MEMORY}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
