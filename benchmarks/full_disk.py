"""Runs the pipeline on a disk that is full, and gives it a little more, until it comes to its end.

    python benchmarks/full_disk.py            # a quarter of an hour on two cores
    python benchmarks/full_disk.py --quick    # few reviews, larger steps

Each try is the same command, as a user would repeat it. Every try that fails has to end by status 1
or 2 and in one line that tells to free some space, without a traceback, and must leave no version
in `serving/` that does not load; the one that succeeds has to find what an undisturbed run finds.
The disk is a tmpfs in a mount namespace of this process alone (util-linux's `unshare`).
"""

import argparse
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from figures import Figure, add_results_option, publish
from measured_run import PROJECT

from albert_tfx.report.summary import Summary

_INSIDE = "ALBERT_TFX_FULL_DISK"
_OPTIONS = ("--max-examples=300", "--frozen-epochs=2", "--fine-tuned-epochs=1")
_FIRST_KIB = 256
_REMEDY = "free some space"


@dataclasses.dataclass(frozen=True)
class Try:
    """One run on a disk of some size.

    Attributes:
      kib: The disk's size.
      status: The run's exit status.
      error: What it printed on standard error at its end.
    """

    kib: int
    status: int
    error: str

    @property
    def is_clear(self) -> bool:
        """Whether a failure says what is wrong and what to do, and nothing else."""
        says_so = _REMEDY in self.error.lower() and "Traceback" not in self.error
        return self.status in (1, 2) and says_so


def attempt(folder: Path, kib: int) -> Try:
    """Runs the main job with its outputs in `folder`."""
    command = [sys.executable, "local_runner.py", "--output", str(folder / "output"), *_OPTIONS]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    found = Try(kib, ended.returncode, ended.stderr[-2000:])
    state = "done" if not found.status else "clear" if found.is_clear else "NOT CLEAR"
    last = (found.error.strip().splitlines() or [""])[-1]
    print(f"{kib:>8,} KiB: status {found.status}, {state}: {last}", file=sys.stderr)
    return found


def tries(folder: Path, growth: float) -> list[Try]:
    """Runs until one comes to its end, on a disk that grows by `growth` from try to try."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_FIRST_KIB}k", "tmpfs", folder], check=True
    )
    made, kib = [attempt(folder, _FIRST_KIB)], _FIRST_KIB
    while made[-1].status:
        kib = int(kib * growth)
        subprocess.run(["mount", "-o", f"remount,size={kib}k", folder], check=True)
        made.append(attempt(folder, kib))
    return made


def broken_versions(serving: Path) -> int:
    """Returns how many pushed versions do not load."""
    load = "import sys, tensorflow_text, tensorflow as tf; tf.saved_model.load(sys.argv[1])"
    versions = [str(each) for each in serving.iterdir()] if serving.is_dir() else []
    commands = [[sys.executable, "-c", load, version] for version in versions]
    return sum(
        subprocess.run(command, capture_output=True, check=False).returncode != 0
        for command in commands
    )


def differing_metrics(one: Summary, other: Summary) -> int:
    """Returns how many metrics of the models differ between two runs."""
    return sum(
        model.metrics[name] != other.models[title].metrics[name]
        for title, model in one.models.items()
        for name in model.metrics.intervals
    )


def main() -> None:
    """Runs, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a disk that grows fourfold")
    add_results_option(parser)
    arguments = parser.parse_args()
    if _INSIDE not in os.environ:
        line = ["unshare", "--map-root-user", "--mount", sys.executable, *sys.argv]
        os.execvpe(line[0], line, {**os.environ, _INSIDE: "1"})
    with tempfile.TemporaryDirectory() as folder:
        disk, calm = Path(folder, "disk"), Path(folder, "calm")
        disk.mkdir()
        made = tries(disk, 4 if arguments.quick else 1.25)
        undisturbed = attempt(calm, shutil.disk_usage(folder).total // 1024)
        serving = disk / "output" / "serving"
        figures = figures_of(made, undisturbed, broken_versions(serving), disk, calm)
        subprocess.run(["umount", disk], check=True)
    publish(figures, "python benchmarks/full_disk.py", arguments.results)


def figures_of(
    made: Sequence[Try], undisturbed: Try, broken: int, disk: Path, calm: Path
) -> list[Figure]:
    """Returns what is worth quoting."""
    failed = [each for each in made if each.status]
    reports = [folder / "output" / "report" for folder in (disk, calm)]
    differing = differing_metrics(*map(Summary.load, reports))
    return [
        Figure("runs that met a full disk", len(failed), "runs"),
        Figure("of them without a clear line", sum(not e.is_clear for e in failed), "runs", "0"),
        Figure("status of the undisturbed run", undisturbed.status, "", "0"),
        Figure("versions that do not load", broken, "versions", "0"),
        Figure("metrics that differ from the undisturbed run's", differing, "metrics", "0"),
    ]


if __name__ == "__main__":
    main()
