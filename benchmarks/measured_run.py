"""Runs `local_runner.py` as a user would, and measures it from outside."""

import dataclasses
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
_FINISHED = re.compile(r"^(\S+) +(?:done +([\d.]+) s|cached)$")


@dataclasses.dataclass(frozen=True)
class MeasuredRun:
    """One run of the main job.

    Attributes:
      output: What it printed.
      summary: Its `summary.json`.
      seconds: Wall-clock seconds, the interpreter's start included.
      peak_memory: MiB of the largest process among this one's children so far.
    """

    output: str
    summary: dict[str, Any]
    seconds: float
    peak_memory: float

    @property
    def lines(self) -> int:
        """Number of lines printed."""
        return len(self.output.splitlines())

    @property
    def component_seconds(self) -> dict[str, float]:
        """Seconds each component took; 0 where it was cached."""
        matches = filter(None, map(_FINISHED.match, self.output.splitlines()))
        return {match[1]: float(match[2] or 0) for match in matches}


def run(folder: Path, options: Sequence[str]) -> MeasuredRun:
    """Runs the main job with `options` into `folder`; exits with its status where it fails."""
    command = [sys.executable, "local_runner.py", "--output", str(folder), *options]
    started = time.monotonic()
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = []
        for line in process.stdout:
            print(line, end="", file=sys.stderr)
            printed.append(line)
    if process.returncode:
        sys.exit(process.returncode)
    return MeasuredRun(
        output="".join(printed),
        summary=json.loads((folder / "report" / "summary.json").read_text(encoding="utf-8")),
        seconds=time.monotonic() - started,
        peak_memory=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    )
