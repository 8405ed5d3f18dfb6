import contextlib
import os
import pathlib
import shlex
import shutil
import sqlite3

import pytest

from albert_tfx.errors import InputError
from albert_tfx.modeling import acceleration, encoder
from albert_tfx.release.production import Origin
from pipelines import presets
from pipelines.command_line import Parser, add_options, read_request
from pipelines.local import preflight
from tests.support import hugging_face
from tests.support.summaries import ENCODER


@pytest.fixture
def checked(monkeypatch):
    """The arguments of each check of an encoder, which passes."""
    checks = []

    def check(*arguments):
        checks.append(arguments)
        return ENCODER

    monkeypatch.setattr(encoder, "check", check)
    return checks


@pytest.fixture
def prepare(tmp_path, checked):
    """Returns a function that prepares a run with the given options, of any encoder."""

    def prepare(*options):
        parser = Parser()
        add_options(parser)
        arguments = parser.parse_args(["--output", str(tmp_path / "out"), *options])
        return preflight.prepare(read_request(arguments))

    return prepare


@pytest.fixture
def csv(tmp_path):
    rows = [f"review number {n},{('good', 'bad', 'so-so')[n % 3]}" for n in range(300)]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["body,verdict", *rows]))
    return str(path)


def test_a_file_becomes_a_data_set_with_its_own_classes_and_splits(prepare, csv):
    prepared = prepare("--csv", csv, "--text-column", "body", "--label-column", "verdict")

    assert prepared.class_names == ("bad", "good", "so-so")
    assert sum(prepared.num_examples.values()) == 300
    assert prepared.config.dataset.train_split == "train"
    assert 'tag: "so-so"' in pathlib.Path(prepared.config.schema).read_text()
    assert str(prepared).endswith("classes: bad, good, so-so")


def test_a_file_can_be_shortened(prepare, csv):
    columns = ("--text-column", "body", "--label-column", "verdict")

    assert prepare("--csv", csv, *columns, "--max-examples", "20").num_examples["train"] == 20


def test_the_text_column_of_the_training_file_is_not_asked_of_plain_lines(prepare, csv, tmp_path):
    lines = tmp_path / "new.txt"
    lines.write_text("one\n")
    columns = ("--text-column", "body", "--label-column", "verdict")

    assert prepare("--csv", csv, *columns, "--score", str(lines)).config.scoring.name == "new"
    with pytest.raises(InputError, match="one text a line, and no column 'body'"):
        prepare("--text-column", "body", "--score", str(lines))


def test_the_encoder_is_checked_as_the_run_will_use_it(prepare, checked, csv):
    options = ("--csv", csv, "--text-column", "body", "--label-column", "verdict")
    precision = ("--inference-precision", "bfloat16")
    prepare(*options, "--sequence-length", "99", *precision, "--unfreeze", "2")

    models = presets.MINI_ENCODER, presets.MINI_PREPROCESSOR
    assert checked == [(*models, 99, "auto", "bfloat16", 2)]


@pytest.mark.parametrize(
    ("precision", "pays", "is_said"),
    [("bfloat16", False, True), ("bfloat16", True, False), ("float32", False, False)],
)
def test_a_precision_that_this_processor_does_not_gain_by_is_said(
    prepare, csv, monkeypatch, precision, pays, is_said
):
    monkeypatch.setattr(acceleration, "inference_gains_by_bfloat16", lambda: pays)
    options = ("--csv", csv, "--text-column", "body", "--label-column", "verdict")
    prepared = prepare(*options, "--inference-precision", precision)

    assert ("answers here will take longer than in float32" in str(prepared)) is is_said


def test_what_pins_an_encoder_and_its_preprocessor_is_said(prepare, csv, tmp_path):
    options = ("--csv", csv, "--text-column", "body", "--label-column", "verdict")
    for name in ("albert_en_mini", "albert_en_mini_preprocess"):
        shutil.copytree(presets.ASSETS / name, tmp_path / name)
    hugging_face.save(tmp_path / "bert")

    for name, flags in (
        ("albert_en_mini", ["--encoder", "--preprocessor"]),
        ("bert", ["--encoder"]),
    ):
        (said,) = prepare(*options, "--encoder", str(tmp_path / name)).remarks
        pinned = shlex.split(said.removeprefix("to pin it: "))
        assert pinned[::2] == flags
        assert prepare(*options, *pinned).remarks == (said,)
    assert prepare(*options).remarks == ()


def test_a_missing_column_is_refused(prepare, csv):
    with pytest.raises(InputError, match="bodi"):
        prepare("--csv", csv, "--text-column", "bodi", "--label-column", "verdict")


def test_an_unknown_data_set_is_refused(prepare):
    with pytest.raises(InputError, match="imdb_review'"):
        prepare("--dataset", "imdb_review")


def test_artifacts_without_their_metadata_are_refused(prepare, tmp_path):
    (tmp_path / "out" / "pipeline").mkdir(parents=True)

    with pytest.raises(InputError, match=r"without .*metadata\.db"):
        prepare()


def test_models_of_another_data_set_in_the_serving_folder_are_refused(prepare, tmp_path):
    version = tmp_path / "out" / "serving" / "7"
    version.mkdir(parents=True)
    Origin("albert-sample-reviews", ("negative", "positive"), "hash").save(str(version))

    prepare()
    with pytest.raises(InputError, match=r"albert-sample-reviews, .* albert-imdb-reviews"):
        prepare("--preset", "imdb")


def test_a_model_of_other_classes_in_the_serving_folder_is_refused(prepare, csv, tmp_path):
    version = tmp_path / "out" / "serving" / "7"
    version.mkdir(parents=True)
    Origin("albert-mine", ("bad", "good"), "hash").save(str(version))

    with pytest.raises(InputError, match=r"classes bad, good, and this run has bad, good, so-so"):
        prepare("--csv", csv, "--text-column", "body", "--label-column", "verdict")


@pytest.mark.parametrize("kind", ["folder", "file", "link", "dangling link"])
def test_a_report_of_somebody_else_s_is_refused_and_stays(prepare, tmp_path, kind):
    report, own = tmp_path / "out" / "report", tmp_path / "own"
    report.parent.mkdir()
    own.mkdir()
    (own / "thesis.txt").write_text("years of work")
    if kind == "folder":
        own.rename(report)
    elif kind == "file":
        report.write_text("years of work")
    else:
        report.symlink_to(own if kind == "link" else tmp_path / "missing")
    with pytest.raises(InputError, match=r"report is not the report of an earlier run.*Move it"):
        prepare()
    assert os.path.lexists(report)


def test_an_empty_report_folder_and_an_earlier_report_are_replaced(prepare, tmp_path, csv):
    columns = ("--csv", csv, "--text-column", "body", "--label-column", "verdict")
    report = tmp_path / "out" / "report"
    report.mkdir(parents=True)
    assert prepare(*columns).class_names
    (report / "summary.json").write_text("{}")
    assert prepare(*columns).class_names


@pytest.mark.parametrize("name", ["serving", "pipeline", "predictions"])
def test_a_file_where_a_folder_belongs_is_refused(prepare, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(InputError, match=f"{name} is no folder"):
        prepare()


@pytest.mark.parametrize("left", [0, 50, 5000])
def test_a_damaged_metadata_base_is_refused(prepare, tmp_path, left):
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "metadata.db"
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE Artifact (uri)")
        database.executemany("INSERT INTO Artifact VALUES (?)", [("a" * 100,)] * 1000)
        database.commit()
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(InputError, match=r"metadata\.db.* is damaged.*serving keeps"):
        prepare()


@pytest.mark.slow
def test_a_check_says_what_a_run_would_learn_from(prepare, csv, tmp_path):
    lines = pathlib.Path(csv).read_text().splitlines()
    repeated = tmp_path / "repeated.csv"
    repeated.write_text("\n".join([*lines, lines[1].upper(), "review \u1300 number,bad"]))
    columns = ("--text-column", "body", "--label-column", "verdict", "--merge-labels")

    prepared = prepare("--csv", str(repeated), *columns, "--check")
    said = list(preflight.survey(prepared))

    counts = {line.split()[0]: sum(map(int, line.split()[1:])) for line in said[1:4]}
    assert counts == {"bad": 101, "good": 101, "so-so": 100}
    assert [line.split()[0] for line in said[4:]] == [
        "tokens", "unknown", "repeats", "cost", "nothing"
    ]  # fmt: skip
    assert "0.00%" not in said[5]
    assert " within itself" in said[6]
    assert prepared.remarks == ("labels joined: 'GOOD' (1) and 'good' (100)",)


def test_skewed_classes_are_said_where_the_accuracy_decides(prepare, tmp_path):
    rows = [f"ticket number {n} of many,{'urgent' if n % 20 == 0 else 'usual'}" for n in range(600)]
    path = tmp_path / "tickets.csv"
    path.write_text("\n".join(["text,label", *rows]))
    said = str(prepare("--csv", str(path))).splitlines()[-1]
    assert said.startswith("skewed classes: usual 9")
    assert "The accuracy hardly counts urgent: see --metric macro_f1" in said
    assert "skewed" not in str(prepare("--csv", str(path), "--metric", "macro_f1"))


COLUMNS = ("--text-column", "body", "--label-column", "verdict")


def test_balanced_classes_are_passed_over_in_silence(prepare, csv):
    assert "skewed" not in str(prepare("--csv", csv, *COLUMNS))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--threshold", "0.3"), "--threshold is for two classes, and these texts have 3"),
        (("--abstain-below", "0.6", "--abstain-label", "so-so"), "'so-so' is the name of a class"),
    ],
)
def test_answers_that_do_not_fit_the_classes_are_refused(prepare, csv, options, message):
    with pytest.raises(InputError, match=message):
        prepare("--csv", csv, *COLUMNS, *options)


def test_a_metric_of_a_class_that_is_not_there_is_refused_before_anything_is_loaded(
    prepare, csv, checked, tmp_path
):
    with pytest.raises(InputError, match="Did you mean good"):
        prepare("--csv", csv, *COLUMNS, "--metric", "recall:goood")
    with pytest.raises(InputError, match="Did you mean positive"):
        prepare("--metric", "f1:positiv")
    assert not checked
    assert not (tmp_path / "out" / "datasets").exists()
    assert prepare("--csv", csv, *COLUMNS, "--metric", "recall:good").config.policy


def test_a_folder_called_as_a_split_hides_it_not(prepare, csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test").mkdir()
    columns = ("--text-column", "body", "--label-column", "verdict")

    prepared = prepare("--csv", csv, *columns, "--score", "test")

    assert prepared.config.scoring.source.startswith("test of text_file")
    with pytest.raises(InputError, match=r"none\.csv does not exist"):
        prepare("--csv", csv, *columns, "--score", "none.csv")


def test_the_id_column_is_of_the_scored_file(prepare, csv, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("key;words\n7;one\n8;\n")
    columns = ("--text-column", "body", "--label-column", "verdict")
    score = ("--csv", csv, *columns, "--score", str(new), "--id-column", "key", "--skip-empty")
    with pytest.raises(InputError, match="no column 'body'"):
        prepare(*score)
    new.write_text("key;body\n7;one\n8;\n")

    prepared = prepare(*score)

    assert prepared.config.scoring.id_column == "key"
    assert prepared.config.scoring.remarks == (
        "new.csv is read as separated by semicolons",
        "new.csv: 1 rows without a text are left out",
    )
    assert {*prepared.config.scoring.remarks} <= {*str(prepared).splitlines()}
