import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

import local_runner
from albert_tfx.release.production import Origin
from pipelines import command_line, presets
from pipelines.local import preflight
from tests.support import listening, runner

_PROJECT = pathlib.Path(__file__).parent.parent
_RUNNER = [sys.executable, "-m", "tests.support.runner"]
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


@pytest.fixture
def toy(monkeypatch, tmp_path, capfd):
    """Returns a function that runs the toy: behaviour → exit status, output lines, error text."""

    def run(behaviour, *options):
        monkeypatch.setattr(preflight, "prepare", runner.prepare)
        for name, module in runner.stand_ins(behaviour).items():
            monkeypatch.setitem(sys.modules, name, module)
        status = local_runner.main(["--output", str(tmp_path), *options])
        output, errors = capfd.readouterr()
        return status, output.splitlines(), errors

    return run


@pytest.fixture
def unread_pipe():
    """The end to write to of a pipe whose other end is closed."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    yield write_end
    os.close(write_end)


@pytest.fixture
def start_toy(tmp_path):
    """Returns a function that starts the toy as a process and reads on to a line of its."""

    def start(behaviour, awaited):
        process = subprocess.Popen(
            [*_RUNNER, behaviour, "--output", str(tmp_path)],
            cwd=_PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if awaited in line:
                return process
        pytest.fail(f"it ended without {awaited!r}: {process.stderr.read()}")

    processes: list[subprocess.Popen[str]] = []
    yield start
    for process in processes:
        process.kill()
        process.communicate()


def _states(lines):
    """Returns the last state of each component in plain output."""
    states = "running|done|cached|skipped|failed"
    found = [re.match(rf"(\w+) +({states})\b", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def test_says_each_component_and_the_outcome_in_few_plain_lines(toy):
    status, lines, errors = toy("works")

    assert status == 0
    assert errors == ""
    assert _states(lines) == {"Reviews": "done", "ComparisonReport": "done"}
    steps = [re.sub(r"[\d,.]+/s, [\d:]+ left", "RATE", line) for line in lines if "steps" in line]
    assert steps == [
        f"{'ComparisonReport':<40}334/1,000 steps, RATE, loss 0.5",
        f"{'ComparisonReport':<40}667/1,000 steps, RATE, loss 0.5",
    ]
    assert "winner      the fine-tuned encoder" in lines
    assert len(lines) < 60
    assert not _CONTROL_CHARACTERS.search("".join(lines))


def test_names_the_report_and_the_log_that_it_wrote(toy, tmp_path):
    _, lines, _ = toy("works")

    assert f"report      {tmp_path}/report" in lines
    assert f"log         {tmp_path}/run.log" in lines
    assert (tmp_path / "report" / "summary.json").exists()
    assert "Component Reviews is finished" in (tmp_path / "run.log").read_text()


def test_a_folder_beside_this_one_is_named_whole(toy, tmp_path, monkeypatch):
    beside = tmp_path.with_name("beside")
    beside.mkdir(exist_ok=True)
    monkeypatch.chdir(beside)

    _, lines, _ = toy("works")

    assert f"report      {tmp_path}/report" in lines


def test_all_that_a_run_leaves_lies_below_the_user_s_home_where_that_is_asked(
    toy, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    _, lines, _ = toy("works", "--output=~/mine")

    assert {"log         mine/run.log", "report      mine/report"} <= {*lines}
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine" / "run.log").exists()


def test_what_has_finished_is_cached(toy):
    toy("fails")

    status, lines, _ = toy("works")
    assert status == 0
    assert _states(lines) == {"Reviews": "cached", "ComparisonReport": "done"}

    status, lines, _ = toy("works")
    assert status == 0
    assert _states(lines) == {"Reviews": "cached", "ComparisonReport": "cached"}


def test_a_failure_is_one_line_that_names_component_cause_log_and_way_on(toy, tmp_path):
    status, lines, errors = toy("fails")

    assert status == 1
    assert _states(lines) == {"Reviews": "done", "ComparisonReport": "failed"}
    assert errors == (
        f"error: ComparisonReport failed (ValueError: it is broken). See {tmp_path}/run.log. "
        "The same command goes on from here, as what has finished is cached.\n"
    )
    assert "Traceback" in (tmp_path / "run.log").read_text()


@pytest.mark.parametrize("behaviour", ["refuses", "refuses in Beam"])
def test_bad_input_that_a_component_finds_is_its_own_line(toy, behaviour):
    status, _, errors = toy(behaviour)

    assert status == 2
    assert errors == "error: the reviews are empty. Give some.\n"


@pytest.mark.parametrize(
    ("number", "status", "last_words"),
    [
        (signal.SIGINT, 130, ["stopped. The same command goes on from here."]),
        (signal.SIGKILL, -signal.SIGKILL, []),
    ],
)
def test_a_stopped_run_goes_on_from_what_had_finished(start_toy, toy, number, status, last_words):
    process = start_toy("waits", "ComparisonReport              running")

    process.send_signal(number)
    output, errors = process.communicate(timeout=60)

    assert process.returncode == status
    assert output.splitlines() == last_words
    assert errors == ""
    status, lines, _ = toy("works")
    assert status == 0
    assert _states(lines) == {"Reviews": "cached", "ComparisonReport": "done"}


def test_a_stopped_run_leaves_nothing_among_temporary_files(start_toy, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    process = start_toy("waits", "ComparisonReport              running")
    assert list(temporary.iterdir())

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert not list(temporary.iterdir())


def test_a_run_listens_to_nothing(start_toy):
    process = start_toy("waits", "ComparisonReport              running")

    assert not listening.addresses(process.pid)


def test_no_password_of_the_command_line_is_in_what_a_run_leaves(toy, tmp_path):
    secret = "hunter2-hunter2"

    status, lines, _ = toy("works", f"--beam-arg=--s3_secret_access_key={secret}")

    assert status == 0
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert tmp_path / "run.log" in left
    assert [str(path) for path in left if secret.encode() in path.read_bytes()] == []
    assert secret not in "".join(lines)


def test_a_run_whose_output_nobody_reads_goes_on_to_its_end(tmp_path, unread_pipe):
    process = subprocess.run(
        [*_RUNNER, "works", "--output", str(tmp_path)],
        cwd=_PROJECT,
        stdout=unread_pipe,
        stderr=subprocess.PIPE,
        text=True,
    )

    assert process.stderr == ""
    assert process.returncode == 0
    assert (tmp_path / "report" / "summary.json").exists()
    assert "Traceback" not in (tmp_path / "run.log").read_text()


def test_an_error_that_nobody_reads_is_still_the_exit_status(unread_pipe):
    command = [sys.executable, str(_PROJECT / "local_runner.py"), "--datset"]

    assert subprocess.run(command, stderr=unread_pipe).returncode == 2


def test_a_run_outlives_its_terminal(tmp_path):
    process = subprocess.run(
        [*_RUNNER, "loses its terminal", "--output", str(tmp_path)],
        cwd=_PROJECT,
        stdout=subprocess.DEVNULL,
    )

    assert process.returncode == 0
    assert (tmp_path / "report" / "summary.json").exists()


@pytest.mark.parametrize("log_becomes", ["run.log", "run.log.1"])
def test_two_runs_do_not_write_to_one_folder(start_toy, toy, tmp_path, log_becomes):
    start_toy("waits", "ComparisonReport              running")
    (tmp_path / "run.log").rename(tmp_path / log_becomes)

    status, lines, errors = toy("works")

    assert status == 2
    assert lines == []
    assert errors == (
        f"error: another run is writing to {tmp_path}. "
        "Wait for it, or give another folder with --output DIR.\n"
    )


def test_the_help_imports_nothing_heavy():
    code = (
        "import sys, local_runner\n"
        "try: local_runner.main(['--help'])\n"
        "finally: print(sorted({'tensorflow', 'tfx', 'apache_beam', 'numpy'} & {*sys.modules}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(_PROJECT)}
    output = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)

    assert "examples:" in output
    assert output.splitlines()[-1] == "[]"


def test_the_help_has_five_options_and_help_all_has_every_one(capsys):
    shown = {}
    for option in ("--help", "--help-all"):
        assert local_runner.main([option]) == 0
        shown[option] = re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.MULTILINE)
    first = ["--csv", "--label-column", "--preset", "--encoder", "--output"]
    assert shown["--help"] == first
    assert {*first, "--seeds", "--min-gain", "--help-all"} <= set(shown["--help-all"])
    assert {*command_line.local_options(every=True)} <= set(shown["--help-all"])


def test_the_help_counts_the_options_that_it_leaves_out(capsys):
    local_runner.main(["--help"])
    others = len(command_line.local_options(every=True)) - 5
    assert f"--help-all explains these and {others} others." in capsys.readouterr().out


def test_a_mistyped_path_is_refused_before_anything_heavy_is_imported(tmp_path):
    code = (
        "import sys, local_runner\n"
        "heavy = {'tensorflow', 'tfx', 'apache_beam', 'numpy', 'huggingface_hub'}\n"
        "status = local_runner.main(['--encoder', 'modles/minilm'])\n"
        "print(status, sorted(heavy & {*sys.modules}))"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(_PROJECT),
        "HF_HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
    }
    made = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert made.stdout == "2 []\n"
    assert "is taken for hf://modles/minilm of Hugging Face" in made.stderr


@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--csv", "none.csv", "File none.csv does not exist"),
        ("--csv", "tests", "tests is a folder"),
        ("--test-csv", "none.csv", "File none.csv does not exist"),
        ("--score", "none.csv", "File none.csv does not exist"),
    ],
)
def test_a_file_that_cannot_be_read_is_noticed_without_tensorflow(option, name, said, tmp_path):
    options = [option, name, "--output", str(tmp_path / "out")]
    if option == "--test-csv":
        (tmp_path / "a.csv").write_text("text,label\na,1\n")
        options += ["--csv", str(tmp_path / "a.csv")]
    code = (
        f"import sys, local_runner; status = local_runner.main({options!r})\n"
        "print(status, 'tensorflow' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(_PROJECT)}
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=_PROJECT, capture_output=True, text=True
    )

    assert process.stdout == "2 False\n"
    assert said in process.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--datset", "x"], "there is no option '--datset'. Did you mean --dataset?"),
        (["--sequence_length=9"], "Did you mean --sequence-length?"),
        (["reviews.csv"], "there is no option 'reviews.csv'"),
        (["--image", "i"], "no option '--image' here. It is one of kubeflow_runner.py compile."),
        (["--preset", "imbd"], "invalid choice: 'imbd' (choose from 'sample', 'imdb', 'base')"),
        (["--max-examples", "many"], "invalid int value: 'many'"),
        (["--max-examples", "0"], "max-examples cannot be 0. Give at least 1."),
        (["--batch-size", "0"], "batch_size cannot be 0. Give at least 1."),
        (["--sequence-length", "2"], "sequence-length cannot be 2. Give 3 to 4096"),
        (["--frozen-epochs", "-1"], "frozen epochs cannot be -1. Give at least 1."),
        (["--fine-tuned-learning-rate", "0"], "encoder_learning_rate cannot be 0.0."),
        (["--min-gain", "1.5"], "min_gain cannot be 1.5. Give a share from 0 to 1."),
        (["--pooling", "max"], "invalid choice: 'max'"),
        (["--csv", "a.csv", "--dataset", "b"], "--csv does not go with --dataset."),
        (["--csv", "a.csv", "--eval-split", "b"], "--csv does not go with --eval-split."),
        (["--text-column", "review"], "--text-column needs --csv."),
        (["--encoder", "mine"], "There is no encoder folder 'mine'."),
        (["--preprocessor", "p"], "There is no preprocessor folder 'p'."),
        (["--encoder", "hf://mine"], "Give hf://OWNER/NAME or hf://OWNER/NAME@REVISION"),
        (["--encoder", "https://example.org/e"], "Name it with --preprocessor HANDLE."),
        (["--seed", "-1"], "seed cannot be -1. Give 0 to 4294967295."),
        (["--output", "/dev/null/output"], "/dev/null/output cannot be written"),
        (["--output", "gs://bucket/o"], "--output gs://bucket/o is not on this machine"),
    ],
)
def test_bad_options_are_refused_in_one_line(capsys, options, expected):
    assert local_runner.main(options) == 2

    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("error: ")
    assert expected in errors
    assert errors.count("\n") == 1


def _pipeline_name(options):
    parser = command_line.Parser()
    command_line.add_options(parser)
    return command_line.read_request(parser.parse_args(options)).name


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--csv", "nowhere.csv"], "nowhere.csv"),
        (["--dataset", "imdb_review"], "imdb_reviews"),
        (["--dataset", "sample_reviews", "--test-split", "validation"], "validation"),
        (["--sequence-length", "513"], "exceeds the 512 positions"),
        (
            ["--encoder", str(presets.PROJECT), "--preprocessor", presets.MINI_PREPROCESSOR],
            "holds no saved_model.pb and no config.json",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line_and_leaves_earlier_runs_alone(
    capsys, tmp_path, options, expected
):
    """The real checks, from the command line to the exit status."""
    served = tmp_path / "output" / "serving" / "1" / "saved_model.pb"
    served.parent.mkdir(parents=True)
    served.touch()
    options = [*options, "--output", str(tmp_path / "output"), "--data-dir", str(tmp_path / "data")]
    Origin(_pipeline_name(options), (), "hash").save(str(served.parent))

    status = local_runner.main(options)

    # TFDS's bars go to the log only where descriptors 1 and 2 are those that capsys replaces.
    *_, line = capsys.readouterr().err.splitlines()
    assert status == 2
    assert line.startswith("error: ")
    assert expected in line
    assert served.exists()


def test_artifacts_without_their_metadata_are_refused(capfd, tmp_path):
    (tmp_path / "pipeline").mkdir()

    assert local_runner.main(["--output", str(tmp_path)]) == 2

    assert "metadata.db, which says what is in it. Delete the folder" in capfd.readouterr().err
