"""Runs `local_runner.py` as a user would, and measures it from outside."""

import dataclasses
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from albert_tfx.report.summary import Summary

PROJECT = Path(__file__).resolve().parents[1]
_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB", re.MULTILINE)
_FINISHED = re.compile(r"^(\S+) +(?:done +([\d.]+) s|cached)$")


@dataclasses.dataclass(frozen=True)
class MeasuredRun:
    """One run of the main job.

    Attributes:
      output: What it printed.
      summary: What it found.
      seconds: Wall-clock seconds, the interpreter's start included.
      peak_memory: MiB of the run's largest process.
      component_peaks: MiB that the main process had needed at most by the end of each component.
      processor_ends: Processor seconds that the run had used by the end of each component, of all
        its threads, and of the processes that it waited for.
    """

    output: str
    summary: Summary
    seconds: float
    peak_memory: float
    component_peaks: dict[str, float] = dataclasses.field(default_factory=dict)
    processor_ends: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def lines(self) -> int:
        """Number of lines printed."""
        return len(self.output.splitlines())

    @property
    def component_seconds(self) -> dict[str, float]:
        """Seconds each component took; 0 where it was cached."""
        matches = filter(None, map(_FINISHED.match, self.output.splitlines()))
        return {match[1]: float(match[2] or 0) for match in matches}

    @property
    def processor_seconds(self) -> dict[str, float]:
        """Processor seconds between the end of the component before and that of each."""
        before = [0.0, *self.processor_ends.values()]
        return {name: end - before[i] for i, (name, end) in enumerate(self.processor_ends.items())}

    @property
    def cached(self) -> set[str]:
        """The components whose earlier outputs were used again."""
        matches = filter(None, map(_FINISHED.match, self.output.splitlines()))
        return {match[1] for match in matches if match[2] is None}


def run(folder: Path, options: Sequence[str]) -> MeasuredRun:
    """Runs the main job with `options` into `folder`; exits with its status where it fails."""
    command = [sys.executable, "local_runner.py", "--output", str(folder), *options]
    started = time.monotonic()
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed, peaks, ends = [], {}, {}
        for line in process.stdout:
            print(line, end="", file=sys.stderr)
            printed.append(line)
            if finished := _FINISHED.match(line.rstrip()):
                peaks[finished[1]] = _peak_so_far(process.pid)
                ends[finished[1]] = _processor_so_far(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    return MeasuredRun(
        output="".join(printed),
        summary=Summary.load(folder / "report"),
        seconds=time.monotonic() - started,
        peak_memory=usage.ru_maxrss / 1024,
        component_peaks=peaks,
        processor_ends=ends,
    )


def _peak_so_far(process: int) -> float:
    """Returns MiB; 0 where the system does not say."""
    status = Path("/proc", str(process), "status")
    found = _PEAK.search(status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else 0


def _processor_so_far(process: int) -> float:
    """Returns seconds; 0 where the system does not say."""
    stat = Path("/proc", str(process), "stat")
    if not stat.exists():
        return 0
    # After the name, which may hold anything: of the process, and of those that it waited for.
    ticks = stat.read_text().rpartition(")")[2].split()[11:15]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
