"""What options make together: a user's own file, and scoring with what a folder remembers."""

import json
from pathlib import Path

import pytest

from albert_tfx.errors import InputError
from pipelines import request
from pipelines.command_line import Parser, add_options, read_request
from tests.support import hugging_face


def read(*options: str) -> request.Request:
    parser = Parser()
    add_options(parser)
    return read_request(parser.parse_args(options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--split-column", "a"], "--split-column needs --csv"),
        (["--encoding", "utf-16"], "--encoding needs --csv"),
        (["--csv", "a", "--split-column", "a", "--test-csv", "b"], "does not go with --test-csv"),
        (["--csv", "a", "--time-column", "a", "--group-column", "b"], "with --group-column"),
        (["--id-column", "a"], "--id-column needs --score"),
        (["--csv", "a", "--rare-label", "rest"], "--rare-label needs --min-rows-per-class"),
        (["--csv", "a", "--min-rows-per-class", "0"], "min-rows-per-class cannot be 0"),
        (["--csv", ""], "--csv is empty"),
        (["--output", ""], "--output is empty"),
        (["--output", "a[1]"], r"a\[1\]' has the character '\['"),
        (["--output", "what?"], r"has the character '\?'"),
        (["--data-dir", "a*"], r"--data-dir .* has the character '\*'"),
        (["--encoder", "models/[a]"], r"--encoder 'models/\[a\]' has the character '\['"),
        (["--preprocessor", "models/a*"], r"--preprocessor .* has the character '\*'"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        read(*options)


def test_a_url_may_have_a_question_mark():
    asked = ("--encoder", "https://example.org/e?format=1", "--preprocessor", "https://e.org/p?a")
    assert read(*asked).options["encoder"] == "https://example.org/e?format=1"


def test_scoring_alone_takes_the_options_of_the_run_in_the_folder(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = ("--output", str(tmp_path / "out"))
    columns = ("--text-column", "title", "--text-column", "body", "--label-column", "stars")
    asked = ("--csv", "mine.csv", *columns, "--seed", "7", "--min-gain", "0.5", *output)
    trained = read(*asked)
    request.remember(read(*asked, "--beam-arg=--s3_secret_access_key=hunter2"))
    assert "hunter2" not in (tmp_path / "out" / "options.json").read_text()

    scored = read("--score", "new.csv", "--text-column", "words", "--id-column", "n", *output)

    assert scored.file.csv == str(tmp_path / "mine.csv")
    assert scored.file.text_column == ("title", "body")
    assert scored.scored.text_column == ("words",)
    assert (scored.score, scored.id_column) == ("new.csv", "n")
    assert scored.options == trained.options
    assert scored.name == trained.name


def test_scoring_finds_the_folders_that_were_named_from_another_one(tmp_path: Path, monkeypatch):
    from_folder, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    encoder = hugging_face.save(from_folder / "encoder")
    (from_folder / "data").mkdir()
    (from_folder / "data" / "dataset_info.json").touch()
    elsewhere.mkdir()
    monkeypatch.chdir(from_folder)
    pin = f"@sha256:{'a' * 64}"
    output = ("--output", str(tmp_path / "out"))
    trained = read("--encoder", f"encoder{pin}", "--dataset", "data", *output)
    request.remember(trained)

    monkeypatch.chdir(elsewhere)
    scored = read("--score", "new.csv", *output)
    assert (scored.options, scored.pins) == (trained.options, trained.pins)
    assert scored.options["encoder"] == str(encoder)
    assert scored.given["encoder"] == f"{encoder}{pin}"


def test_scoring_with_other_options_is_a_run_of_its_own(tmp_path: Path):
    output = ("--output", str(tmp_path / "out"))
    request.remember(read("--csv", "mine.csv", *output))
    assert read("--score", "new.csv", "--seed", "3", *output).file.csv is None
    assert read("--score", "new.csv", "--output", str(tmp_path / "none")).file.csv is None


def test_damaged_options_are_refused(tmp_path: Path):
    (tmp_path / "options.json").write_text(json.dumps(["csv"])[:-1])
    with pytest.raises(InputError, match=r"options\.json is damaged"):
        read("--score", "new.csv", "--output", str(tmp_path))


@pytest.mark.parametrize("path", ["./nosuch/folder", "/nosuch/folder", "~/nosuch", "a/b/1.0.0"])
def test_a_mistyped_folder_of_a_data_set_is_refused_without_tfds(path: str):
    with pytest.raises(InputError, match=r"--dataset .*holds no dataset_info\.json"):
        request.make({"dataset": path})


@pytest.mark.parametrize("name", ["imdb_reviews", "glue/sst2", "glue/sst2:1.0.0", "a:b/c"])
def test_a_name_of_the_catalogue_is_none(name: str):
    assert request.make({"dataset": name}).options["dataset"] == name
