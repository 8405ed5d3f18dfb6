import logging
import os
import subprocess
import sys

import pytest

from albert_tfx.errors import InputError
from pipelines.local import run_log

_SPEAKER = """
import ctypes, logging, os, subprocess, sys
import absl.logging
from pipelines.local import run_log

print("before")
try:
    with run_log.capture(sys.argv[1]) as output:
        ctypes.CDLL(None).printf(b"by C, buffered\\n")
        os.write(1, b"to descriptor 1\\n")
        os.write(2, b"to descriptor 2\\n")
        subprocess.run(["echo", "by a child"])
        print("to sys.stdout")
        print("to sys.stderr", file=sys.stderr)
        logging.getLogger("some.library").info("logged")
        absl.logging.info("logged by absl")
        print("shown", file=output)
        raise ValueError
except ValueError:
    print("after")
    print("after, too", file=sys.stderr)
"""

_UNWATCHED = """
import logging, os, sys
from pipelines.local import run_log
from pipelines.local.console import Screen

reader, writer = os.openpty() if sys.argv[2] == "terminal" else os.pipe()
os.dup2(writer, 1)
with run_log.capture(sys.argv[1]) as output:
    screen = Screen(output)
    with screen.busy("somebody reads this"):
        os.close(reader)
    screen.say("nobody reads this")
    logging.getLogger("some.library").info("the run goes on")
"""


def test_all_that_is_said_goes_to_the_log_and_nothing_else_does(tmp_path):
    path = tmp_path / "new" / "run.log"
    process = subprocess.run(
        [sys.executable, "-c", _SPEAKER, path], capture_output=True, text=True, check=True
    )

    assert process.stdout == "before\nshown\nafter\n"
    assert process.stderr == "after, too\n"
    log = path.read_text()
    for said in (
        "by C, buffered",
        "to descriptor 1",
        "to descriptor 2",
        "by a child",
        "to sys.stdout",
        "to sys.stderr",
        "INFO some.library: logged",
        "INFO absl: logged by absl",
    ):
        assert log.count(f"{said}\n") == 1, said
    assert "before" not in log
    assert "after" not in log
    assert "shown" not in log


def test_each_run_is_appended_below_a_header_with_its_command(tmp_path, monkeypatch):
    for option in ("--one", "--two words"):
        monkeypatch.setattr(sys, "argv", ["local_runner.py", option])
        with run_log.capture(str(tmp_path / "run.log")):
            logging.getLogger("library").info("ran with %s", option)

    lines = [line for line in (tmp_path / "run.log").read_text().splitlines() if line]
    assert lines[0].endswith("local_runner.py --one")
    assert lines[1].endswith("ran with --one")
    assert lines[2].endswith("local_runner.py '--two words'")
    assert lines[3].endswith("ran with --two words")


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_what_nobody_reads_any_more_is_lost_without_a_word(tmp_path, kind):
    process = subprocess.run(
        [sys.executable, "-c", _UNWATCHED, tmp_path / "run.log", kind],
        env={**os.environ, "TERM": "xterm"},
        stderr=subprocess.PIPE,
        text=True,
    )

    assert process.stderr == ""
    assert process.returncode == 0
    log = (tmp_path / "run.log").read_text()
    assert log.endswith("the run goes on\n")
    assert "Traceback" not in log


def test_the_logging_of_the_process_is_left_as_it_was(tmp_path):
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    with run_log.capture(str(tmp_path / "run.log")):
        assert root.level == logging.INFO
    assert (root.level, root.handlers) == before


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()

    with (
        pytest.raises(InputError, match="cannot be written"),
        run_log.capture(str(tmp_path / "file" / "run.log")),
    ):
        pass


SECRET = "hunter2-hunter2"


def test_no_password_of_the_command_line_is_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["local_runner.py", f"--beam-arg=--s3_secret_key={SECRET}"])
    with run_log.capture(str(tmp_path / "run.log")):
        logging.getLogger("beam").info("flags: %s", sys.argv)
    log = (tmp_path / "run.log").read_text()
    assert "flags:" in log
    assert "--s3_secret_key=***" in log
    assert SECRET not in log


def test_a_large_log_makes_room_for_a_new_one(tmp_path, monkeypatch):
    log = tmp_path / "run.log"
    monkeypatch.setattr(run_log, "_LARGE", 100)
    for name in ("first", "second", "third"):
        with run_log.capture(str(log)):
            logging.getLogger("test").info("%s %s", name, "x" * 100)
    assert {path.name for path in tmp_path.iterdir()} == {"run.log", "run.log.1"}
    assert "third" in log.read_text()
    assert "second" not in log.read_text()
    assert "second" in log.with_name("run.log.1").read_text()
