"""Compiles the pipeline for Kubeflow and Vertex AI, submits it there, or replays it here.

`python kubeflow_runner.py --help` explains the commands.
"""

import sys
from collections.abc import Sequence

from albert_tfx.errors import InputError
from pipelines.cloud import commands


def main(argv: Sequence[str] | None = None) -> int:
    """Does what `argv`, or else the process's own command line, asks for; returns the status."""
    try:
        return commands.run(sys.argv[1:] if argv is None else argv)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
