import sys
from pathlib import Path

import peer
import pytest


def test_a_missing_environment_is_said_with_how_to_make_it(tmp_path: Path):
    with (
        pytest.raises(SystemExit, match=r"(?s)there is no .*uv pip sync .*requirements.txt"),
        peer.start(tmp_path / "python"),
    ):
        pass


def test_a_peer_that_ends_ends_the_benchmark(tmp_path: Path):
    # This Python has no transformers.
    with peer.start(Path(sys.executable)) as started, pytest.raises(SystemExit, match="'build'"):
        started.ask("build", config={})
