"""Compiles the pipeline for Kubeflow and Vertex AI, submits it there, or replays it here.

`python kubeflow_runner.py --help` explains the commands.
"""

import sys
from collections.abc import Sequence

from albert_tfx import exit_status
from pipelines.cloud import commands


@exit_status.command
def main(argv: Sequence[str] | None = None) -> int:
    """Does what `argv`, or else the process's own command line, asks for; returns the status."""
    return commands.run(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    exit_status.leave(main)
