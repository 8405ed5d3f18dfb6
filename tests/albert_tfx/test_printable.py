"""No text that is printed changes the terminal that shows it."""

import unicodedata

import pytest

from albert_tfx.errors import InputError, one_line
from albert_tfx.printable import has_secret, printable, redacted, secrets

CLEAR_SCREEN = "\x1b[2J"
TURNED_ROUND = "\u202e"


@pytest.mark.parametrize(
    "text", ["plain", "Zoë 映画 🎬", "two\nlines\tand a tab", "क्षि", "👩\u200d👩\u200d👧"]
)
def test_text_stays_as_it_is(text: str):
    assert printable(text) == text


def test_no_control_or_direction_is_left_of_any_character():
    every = "".join(map(chr, range(0x110000)))
    left = [
        each
        for each in printable(every)
        if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(each) in ("LRE", "RLE", "LRO", "RLO", "PDF")
        or unicodedata.bidirectional(each) in ("LRI", "RLI", "FSI", "PDI")
    ]
    assert left == ["\t", "\n"]


@pytest.mark.parametrize(
    ("unsafe", "written"), [(CLEAR_SCREEN, "\\x1b[2J"), (TURNED_ROUND, "\\u202e")]
)
def test_errors_are_printable(unsafe: str, written: str):
    error = InputError(f"there is no file {unsafe}", "Give another")
    assert str(error) == f"there is no file {written}. Give another."
    assert one_line(ValueError(unsafe)) == written


SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "arguments",
    [
        [f"--beam-arg=--s3_secret_access_key={SECRET}"],
        ["--beam-arg", f"--s3_secret_access_key={SECRET}"],
        ["--beam-arg=--s3_secret_access_key", f"--beam-arg={SECRET}"],
        ["--beam-arg", "--s3_session_token", "--beam-arg", SECRET],
        [f"--beam-arg=--azure_sas={SECRET}"],
        ["--password", SECRET],
        [f"--beam-arg=--flink_conf_dir=/x,ssl.key-password={SECRET},a=b"],
        [f'--beam-arg=--environment_config={{"env": {{"PASSWORD": "{SECRET}"}}}}'],
        ["--encoder", f"https://user:{SECRET}@models.example/bert/1"],
        ["--encoder", f"https://{SECRET}@models.example/bert/1"],
        ["--encoder", f"https://models.example/bert/1?tf-hub-format=compressed&token={SECRET}"],
        ["--encoder", f"https://models.example/bert/1?X-Goog-Signature={SECRET}&x=1"],
        [f"--preprocessor=https://models.example/bert/1?sig={SECRET}"],
    ],
)
def test_no_secret_of_a_command_line_is_left(arguments):
    left = redacted(arguments)
    assert SECRET not in " ".join(left)
    assert "***" in " ".join(left)
    assert len(left) == len(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--encoder", "hf://owner/name@main", "--label-column", "author"],
        ["--encoder", "https://tfhub.dev/tensorflow/albert_en_base/3?tf-hub-format=compressed"],
        ["--beam-arg=--runner=DataflowRunner", "--beam-arg=--region=europe-west4"],
        ["--csv", "mail@home.csv", "--output", "output/tokens"],
        ["--dataset", "imdb_reviews", "--sequence-length", "96"],
    ],
)
def test_the_rest_of_a_command_line_stays(arguments):
    assert redacted(arguments) == arguments


def test_a_secret_is_hidden_wherever_it_is_repeated():
    found = secrets([f"--token={SECRET}", "--password=hunter2"])
    assert found == (SECRET, "hunter2")


def test_a_url_with_a_password_has_a_secret():
    assert has_secret(f"https://user:{SECRET}@host/m")
    assert not has_secret("https://host/m?version=2")
