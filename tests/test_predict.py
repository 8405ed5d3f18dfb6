"""The command: what it prints, refuses and returns. A model of one rule answers at once."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import predict
from albert_tfx.prediction import pushed_model, quick_model
from tests.support import predictor, summaries
from tests.support.runs import Run

PROJECT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROJECT)}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """The output folder of a run that pushed a model."""
    version = tmp_path / "output" / "serving" / "7"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    return tmp_path / "output"


@pytest.fixture
def run(output: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    """Returns a function that runs the command: options → status, output and errors."""
    monkeypatch.setattr(quick_model, "load", predictor.ModelOfOneRule)

    def run(*options: str | Path) -> tuple[int, str, str]:
        status = predict.main(["--output", str(output), *map(str, options)])
        return (status, *capfd.readouterr())

    return run


def test_a_terminal_is_told_how_many_texts_are_done(run, tmp_path, monkeypatch):
    file, answers = tmp_path / "texts.txt", tmp_path / "answers.csv"
    file.write_text("good film\nbad film\n" * 600)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")

    status, _, errors = run("--input", file, "--output-file", answers)

    assert status == 0
    assert "1,200 texts" in errors
    assert len(answers.read_text().splitlines()) == 1201


@pytest.fixture
def standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Returns a function that makes its argument the standard input."""

    def put(content: bytes) -> None:
        path = tmp_path / "standard_input"
        path.write_bytes(content)
        monkeypatch.setattr(sys, "stdin", path.open())

    return put


@pytest.fixture
def start(output: Path) -> Iterator:
    """Returns a function that starts the command as a process."""
    processes = []

    def start(*options: str, stdout=subprocess.PIPE) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.predictor", f"--output={output}", *options],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_texts_are_answered_in_csv(run):
    assert run("a good film", 'so, so, "they say"') == (
        0,
        "text,label,probability,score\na good film,good,0.750000,0.750000\n"
        '"so, so, ""they say""",bad,0.875000,0.875000\n',
        "",
    )


def test_what_the_model_is_not_sure_of_is_counted_at_the_end(run, tmp_path: Path):
    assert run("--no-text", "good", "perhaps", "bad", "perhaps good") == (
        0,
        "label,probability,score\ngood,0.750000,0.750000\nunsure,0.875000,0.875000\n"
        "bad,0.875000,0.875000\nunsure,0.750000,0.750000\n",
        "note: 2 of 4 texts are unsure: no class is probable enough\n",
    )
    status, _, noted = run("--no-text", "--output-file", tmp_path / "out.csv", "perhaps")
    assert (status, noted) == (0, "note: 1 of 1 texts are unsure: no class is probable enough\n")


def test_the_lines_of_standard_input_are_answered_in_order(run, standard_input):
    texts = [f"{n} {'good' if n % 3 else ''}" for n in range(9000)]
    standard_input("\n".join(texts).encode())
    status, printed, _ = run("--no-text", "--format", "jsonl")
    labels = [json.loads(line)["label"] for line in printed.splitlines()]
    assert status == 0
    assert labels == ["good" if n % 3 else "bad" for n in range(9000)]


def test_a_file_is_answered_into_a_file(run, tmp_path: Path):
    (tmp_path / "in.csv").write_text("id,remark\n1,good\n2,\n")
    target = tmp_path / "out.jsonl"
    options = ("--input", tmp_path / "in.csv", "--text-column", "remark", "--output-file", target)
    assert run(*options) == (0, "", "")
    assert [json.loads(line) for line in target.read_text().splitlines()] == [
        {"text": "good", "label": "good", "probability": 0.75, "score": 0.75,
         "probabilities": {"bad": 0.25, "good": 0.75}},
        {"text": "", "label": "bad", "probability": 0.875, "score": 0.875,
         "probabilities": {"bad": 0.875, "good": 0.125}},
    ]  # fmt: skip


def test_a_file_that_breaks_off_leaves_the_earlier_output_alone(run, tmp_path: Path):
    target = tmp_path / "out.csv"
    target.write_text("earlier")
    (tmp_path / "in.txt").write_bytes(b"good\n\xff\n")
    status, printed, errors = run("--input", tmp_path / "in.txt", "--output-file", target)
    assert (status, printed) == (2, "")
    assert "in.txt, line 2 is not UTF-8" in errors
    assert target.read_text() == "earlier"
    assert {path.name for path in tmp_path.glob("out*")} == {"out.csv", "output"}


def test_the_texts_may_come_from_a_pipe(run):
    reading, writing = os.pipe()
    os.write(writing, b"good\n\n")
    os.close(writing)
    try:
        assert run("--input", f"/dev/fd/{reading}", "--no-text") == (
            0,
            "label,probability,score\ngood,0.750000,0.750000\nbad,0.875000,0.875000\n",
            "",
        )
    finally:
        os.close(reading)


def test_no_text_at_all_gives_a_header_and_an_empty_table_none(run, standard_input, tmp_path: Path):
    standard_input(b"")
    assert run() == (0, "text,label,probability,score\n", "")
    (tmp_path / "empty.csv").touch()
    status, printed, errors = run("--input", tmp_path / "empty.csv")
    assert (status, printed) == (2, "")
    assert "empty.csv is empty" in errors


def test_a_file_that_cannot_be_used_is_refused_before_the_model_is_loaded(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr(quick_model, "load")
    (tmp_path / "in.csv").write_text("remark\ngood\n")
    status, _, errors = run("--input", tmp_path / "in.csv")
    assert status == 2
    assert "has no column 'text'; it has remark" in errors


def test_answers_do_not_replace_their_own_texts(run, tmp_path: Path):
    (tmp_path / "in.csv").write_text("text\ngood\n")
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "in.csv")
    status, printed, errors = run("--input", tmp_path / "in.csv", "--output-file", link)
    assert (status, printed) == (2, "")
    assert f"The answers would replace the texts in {tmp_path / 'in.csv'}" in errors
    assert (tmp_path / "in.csv").read_text() == "text\ngood\n"


def test_a_link_stays_one_and_what_it_leads_to_gets_the_answers(run, tmp_path: Path):
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "out.csv")
    assert run("--output-file", link, "--no-text", "good") == (0, "", "")
    assert link.is_symlink()
    assert (tmp_path / "out.csv").read_text() == "label,probability,score\ngood,0.750000,0.750000\n"


def test_a_pipe_stays_one_and_carries_the_answers(run, tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run("--output-file", pipe, "--no-text", "good") == (0, "", "")
        assert pipe.is_fifo()
        assert os.read(reader, 100) == b"label,probability,score\ngood,0.750000,0.750000\n"
    finally:
        os.close(reader)


def test_a_text_may_begin_like_an_option(run):
    assert run("--no-text", "--", "--good") == (
        0,
        "label,probability,score\ngood,0.750000,0.750000\n",
        "",
    )


def test_no_standard_input_is_refused(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", None)
    status, _, errors = run()
    assert (status, errors) == (
        2,
        "error: there is no text. Give one, or name a file with --input FILE.\n",
    )


def test_what_came_before_a_bad_line_is_printed(run, standard_input):
    standard_input(b"good\n\xff\n")
    assert run("--no-text") == (
        2,
        "label,probability,score\ngood,0.750000,0.750000\n",
        "error: Standard input, line 2 is not UTF-8: it has the byte 0xff. "
        "Give --encoding windows-1252, by which it reads 'ÿ'.\n",
    )


def test_another_model_than_the_newest(run, tmp_path: Path):
    status, _, errors = run("--model", tmp_path / "none", "good")
    assert status == 2
    assert errors == (
        f"error: There is no folder {tmp_path}/none. "
        "Give the folder of a pushed model, such as output/serving/VERSION.\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "nowhere", "good"], "There is no pushed model in nowhere/serving. Make one"),
        (["--input", "none.txt"], "File none.txt does not exist. Give the path of a file."),
        (["--input", "none.txt", "good"], "there are both texts and --input. Give one of the two."),
        (["--input", "tests"], "tests is a folder, and none that save_to_disk"),
        (["--input", "new.json"], "File new.json is of an unknown kind '.json'. Give a file that"),
        (["--input", "a.txt", "--text-column", "b"], "holds one text a line, and no column 'b'."),
        (["--text-column", "a", "good"], "--text-column needs --input."),
        (["--output-file", "no/where.csv", "good"], "no/where.csv cannot be written (No such file"),
        (["--formt", "csv"], "there is no option '--formt'. Did you mean --format?"),
        (["--format", "xml", "good"], "invalid choice: 'xml'"),
        (["good \udcff"], "the text 'good \\udcff' is not UTF-8."),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(run, options, message):
    status, printed, errors = run(*options)
    assert (status, printed) == (2, "")
    assert errors.startswith("error: ")
    assert message in errors
    assert errors.count("\n") == 1


def test_a_run_that_pushed_nothing_is_said_why(run, output: Path):
    shutil.rmtree(output / "serving")
    (output / "report").mkdir()
    (output / "report" / "summary.json").write_text("{}")
    assert f"There is no pushed model in {output}/serving. Make one" in run("good")[2]
    summaries.changed(pushed=False, reason="both are too bad").save(output / "report")
    assert "serving; the last run pushed none: both are too bad. Make one" in run("good")[2]


def test_a_full_disk_is_one_line(start):
    with open("/dev/full", "w") as full:
        process = start("good", stdout=full)
        assert process.stderr.read() == (
            "error: Standard output cannot be written (No space left on device). "
            "Give another file with --output-file FILE.\n"
        )
        assert process.wait() == 2


def test_a_line_is_answered_before_the_next_one_comes(start):
    process = start("--no-text")
    process.stdin.write("good\n")
    process.stdin.flush()
    assert [process.stdout.readline() for _ in range(2)] == [
        "label,probability,score\n",
        "good,0.750000,0.750000\n",
    ]
    process.stdin.write("poor\nvery good\n")
    assert process.communicate()[0] == "bad,0.875000,0.875000\ngood,0.750000,0.750000\n"
    assert process.returncode == 0


def test_nobody_reading_on_ends_it_without_a_word(start):
    process = start()
    process.stdout.close()
    for _ in range(2):
        process.stdin.write("good\n")
    process.stdin.close()
    assert process.stderr.read() == ""
    assert process.wait() == 141


def test_ctrl_c_ends_it_without_a_word(start):
    process = start()
    process.stdin.write("good\n")
    process.stdin.flush()
    assert process.stdout.readline() == "text,label,probability,score\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "")


def test_the_help_and_every_refusal_import_nothing_heavy():
    code = (
        "import sys, predict\n"
        "predict.main(['--output', 'nowhere', 'good'])\n"
        "try: predict.main(['--help'])\n"
        "finally: print(sorted({'tensorflow', 'tfx', 'pandas', 'rich'} & {*sys.modules}))"
    )
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True).stdout
    assert "examples:" in printed
    assert printed.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_the_pushed_model_answers_as_its_signature_does_and_without_tensorflows_python(
    finished: Run,
):
    texts = ["a lovely film", "", "awful " * 3000, "日本語の映画 🎬"]
    code = (
        "import sys, predict\n"
        "status = predict.main(sys.argv[1:])\n"
        "heavy = {'tfx', 'tensorflow', 'tensorflow_transform', 'apache_beam', 'tensorflow_hub'}\n"
        "print(status, sorted(heavy & {*sys.modules}), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "--output", finished.config.output, "--format=jsonl", *texts],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == "0 []\n"
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    newest = pushed_model.newest(Path(finished.config.output))
    classify = tf.saved_model.load(str(newest)).signatures["classify_text"]
    expected = classify(text=tf.constant(texts))["probabilities"].numpy()
    assert [answer["text"] for answer in answers] == texts
    np.testing.assert_allclose(
        [list(answer["probabilities"].values()) for answer in answers], expected, rtol=0, atol=5e-6
    )
    assert [answer["label"] for answer in answers] == [
        ("negative", "positive")[index] for index in expected.argmax(axis=1)
    ]


def test_an_id_goes_with_each_answer_in_order(run, tmp_path: Path):
    rows = [f"r{n},{'good' if n % 3 else 'so-so'} {'x' * (n % 50)}" for n in range(5000)]
    (tmp_path / "in.csv").write_text("\n".join(["key,remark", *rows]))
    options = ("--input", tmp_path / "in.csv", "--text-column", "remark", "--id-column", "key")
    status, printed, _ = run(*options, "--no-text")
    header, *lines = printed.splitlines()
    assert (status, header) == (0, "key,label,probability,score")
    assert [line.split(",")[:2] for line in lines] == [
        [f"r{n}", "good" if n % 3 else "bad"] for n in range(5000)
    ]
    status, printed, _ = run(*options, "--format", "jsonl")
    assert [json.loads(line)["key"] for line in printed.splitlines()] == [
        f"r{n}" for n in range(5000)
    ]


def test_how_a_file_was_read_is_noted(run, tmp_path: Path):
    (tmp_path / "in.csv").write_bytes("id;text\n1;gut für good\n2;\n".encode("utf-16"))
    options = ("--input", tmp_path / "in.csv", "--encoding", "utf-16", "--skip-empty", "--no-text")
    assert run(*options) == (
        0,
        "label,probability,score\ngood,0.750000,0.750000\n",
        "note: in.csv is read as separated by semicolons\n"
        "note: in.csv: 1 rows without a text are left out\n",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["Makefile"], "'Makefile' names a file, and would be classified as a text. Give --input"),
        (["no_such.csv"], "'no_such.csv' names a file, and would be classified as a text."),
        (["/dev/null"], "'/dev/null' names a file, and would be classified as a text."),
        (["--csv", "a.csv"], "there is no option '--csv' here. It is one of local_runner.py."),
        (["--encoder=a", "b"], "there is no option '--encoder' here. It is one of local_runner.py"),
        (["--id-column", "a", "good"], "--id-column needs --input."),
        (["--id-column", "label", "--input", "a.csv"], "--id-column cannot be 'label'"),
        (["--encoding", "klingon", "--input", "README.md"], "unknown kind '.md'"),
        *[
            ([f"--{name}", "", "good"], f"--{name} is empty. Give a value, or leave")
            for name in ("output", "model", "input", "output-file", "id-column", "encoding")
        ],
        (["--text-column", "a", "--text-column", ""], "--text-column is empty."),
        (["--model", "a[1]", "good"], "--model 'a[1]' has the character '['"),
    ],
)
def test_what_is_likely_a_mistake_is_refused(run, options, message):
    status, printed, errors = run(*options)
    assert (status, printed) == (2, "")
    assert message in errors
