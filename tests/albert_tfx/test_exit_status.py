"""Every way out of a command, in processes whose streams are lost: unread, full or closed."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from albert_tfx import exit_status
from albert_tfx.errors import InputError

PROJECT = Path(__file__).parents[2]
SCRIPTS = ("local_runner.py", "kubeflow_runner.py", "predict.py")
TRACES = ("Traceback", "Exception ignored")


def lost(kind: str) -> int:
    """Returns a descriptor that takes nothing."""
    if kind == "full":
        return os.open("/dev/full", os.O_WRONLY)
    read_end, write_end = os.pipe()
    os.close(read_end)
    return write_end


def run(script: str | Path, option: str, stream: str, kind: str) -> tuple[int, str]:
    """Returns the status of a script that has lost a stream, and what it printed to the other."""
    other = "stderr" if stream == "stdout" else "stdout"
    number = {"stdout": 1, "stderr": 2}[stream]
    line = [sys.executable, str(PROJECT / script), option]
    if kind == "closed":
        # Python closes no descriptor of its own to start a process with.
        line = ["sh", "-c", f'exec "$@" {number}>&-', "sh", *line]
        done = subprocess.run(line, capture_output=True, text=True)
    else:
        descriptor = lost(kind)
        streams = {stream: descriptor, other: subprocess.PIPE}
        done = subprocess.run(line, text=True, stdout=streams["stdout"], stderr=streams["stderr"])
        os.close(descriptor)
    printed = getattr(done, other)
    assert not any(trace in printed for trace in TRACES)
    return done.returncode, printed


@pytest.mark.parametrize("script", SCRIPTS)
class TestScript:
    @pytest.mark.parametrize("kind", ["unread", "full", "closed"])
    def test_bad_input_is_status_2_without_a_standard_error(self, script: str, kind: str):
        assert run(script, "--datset", "stderr", kind) == (2, "")

    @pytest.mark.parametrize(
        ("kind", "status", "error"),
        [
            ("unread", 141, ""),
            (
                "full",
                2,
                "error: nothing more can be written (No space left on device). Free some space.\n",
            ),
            ("closed", 0, ""),
        ],
    )
    def test_help_without_a_standard_output(self, script: str, kind: str, status: int, error: str):
        assert run(script, "--help", "stdout", kind) == (status, error)


def test_file_that_is_opened_does_not_take_the_place_of_a_closed_stream(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import os, sys; sys.path.insert(0, {str(PROJECT)!r})\n"
        "from albert_tfx import exit_status\n"
        "@exit_status.command\n"
        "def main(argv):\n"
        f"    file = open({str(tmp_path / 'file')!r}, 'w')\n"
        "    os.write(1, b'what C++ has to say')\n"
        "    print('and Python')\n"
        "    return 7\n"
        "sys.exit(main(None))\n"
    )

    assert run(script, "", "stdout", "closed") == (7, "")
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize(
    ("raised", "status", "error"),
    [
        (InputError("it is wrong", "Mend it"), 2, "error: it is wrong. Mend it.\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 141, ""),
        (SystemExit(), 0, ""),
        (SystemExit(3), 3, ""),
    ],
)
def test_whatever_ends_a_command_is_a_status(raised, status, error, capsys):
    @exit_status.command
    def main(argv):
        raise raised

    assert main([]) == status
    assert capsys.readouterr() == ("", error)


@pytest.mark.parametrize("raised", [FileNotFoundError(2, "none"), ValueError("a fault of ours")])
def test_fault_of_the_program_keeps_its_traceback(raised):
    @exit_status.command
    def main(argv):
        raise raised

    with pytest.raises(type(raised)):
        main([])


def test_what_was_printed_before_the_end_is_there(capsys):
    @exit_status.command
    def main(argv):
        print(*argv)
        return 0

    assert main(["a", "b"]) == 0
    assert capsys.readouterr().out == "a b\n"


_WRITES = """
import sys, time
from albert_tfx import exit_status, storage

@exit_status.command
def main():
    with storage.whole_file(sys.argv[1]) as partial:
        partial.write_text("half")
        print("writing", flush=True)
        sys.stdin.readline()
    return 0

sys.exit(main())
"""


def started(command: list[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=PROJECT, text=True, stdin=pipe, stdout=pipe)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_and_leaves_nothing_half_written(number, tmp_path: Path):
    command = [sys.executable, "-c", _WRITES, str(tmp_path / "answers.csv")]
    with started(command) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        assert list(tmp_path.iterdir())
        process.send_signal(number)
        assert process.wait() == -number
    assert not list(tmp_path.iterdir())


def test_a_signal_that_the_caller_ignores_ends_nothing(tmp_path: Path):
    line = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"]
    command = [*line, sys.executable, "-c", _WRITES, str(tmp_path / "answers.csv")]
    with started(command) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGHUP)
        process.communicate("go on\n")
        assert process.returncode == 0
    assert (tmp_path / "answers.csv").read_text() == "half"


@pytest.mark.parametrize(
    ("error", "message", "status"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "Free some space", 2),
        (RuntimeError("UNKNOWN: /x/ckpt; No space left on device"), "Free some space", 2),
        (FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"), "Free some", 2),
        (RuntimeError("database or disk is full"), "Free some space", 2),
        (MemoryError(), "memory is short", 1),
    ],
)
def test_a_lack_of_room_is_one_line_with_its_remedy(error, message, status, capsys):
    def fail() -> int:
        raise error

    assert exit_status.command(fail)() == status
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


_LOGS_FOR_EVER = """
import sys, threading
from albert_tfx import exit_status

started = threading.Event()

def log():
    while True:
        sys.stderr.write("x" * 5000 + "\\n")
        started.set()

def main():
    for _ in range(4):
        threading.Thread(target=log, daemon=True).start()
    started.wait()
    print("done")
    {ending}

exit_status.leave(main)
"""


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("return None", 0),
        ("return 7", 7),
        ("raise SystemExit", 0),
        ("raise SystemExit(3)", 3),
        ("raise SystemExit('a reason')", 1),
        ("raise ValueError('a fault')", 1),
    ],
)
def test_threads_that_log_to_the_end_do_not_change_a_status(ending: str, status: int):
    """Python ended three of ten such processes by SIGABRT, for a lock of standard error."""
    environment = {name: each for name, each in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", _LOGS_FOR_EVER.format(ending=ending)]
    for _ in range(5):
        ended = subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, check=False
        )
        assert ended.returncode == status
        assert ended.stdout == b"done\n"
