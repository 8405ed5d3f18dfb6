"""PyTorch and transformers, to measure against, in a process and an environment of their own."""

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
PYTHON = PROJECT / ".venv-benchmarks" / "bin" / "python"
_REQUIREMENTS = "--require-hashes benchmarks/requirements.txt"
_HOW_TO_MAKE_IT = (
    "uv venv --python 3.11 .venv-benchmarks && "
    f"uv pip sync --torch-backend cpu --python .venv-benchmarks {_REQUIREMENTS}"
)


class Peer:
    """The process; it idles while nothing is asked of it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, request: str, **arguments: Any) -> Any:
        """Asks for one of the requests of `transformers_peer.py`, and waits for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"request": request, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"error: the peer ended at {request!r}, with status {self._process.wait()}")
        return json.loads(line)


@contextlib.contextmanager
def start(python: Path) -> Iterator[Peer]:
    """Starts the peer; it ends with the context.

    Args:
      python: Interpreter of an environment with `benchmarks/requirements.txt`.

    Raises:
      SystemExit: There is none.
    """
    if not python.exists():
        raise SystemExit(f"error: {missing(python)}")
    script = Path(__file__).with_name("transformers_peer.py")
    with subprocess.Popen(
        [python, "-I", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Peer(process)


def missing(python: Path) -> str:
    """Returns the message for an interpreter that is not there, with the way to make it."""
    return f"there is no {python}. Make it with: {_HOW_TO_MAKE_IT}"


def add_peer_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--peer-python`."""
    parser.add_argument(
        "--peer-python",
        type=Path,
        default=PYTHON,
        metavar="PATH",
        help="Python with benchmarks/requirements.txt (default: .venv-benchmarks/bin/python)",
    )
