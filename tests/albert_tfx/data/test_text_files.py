"""Reading texts: what is a text, what is refused, and that nothing is read ahead of need."""

import gzip
import json
import os
from pathlib import Path

import pytest

from albert_tfx.data import text_files
from albert_tfx.data.text_files import PAUSE
from albert_tfx.errors import InputError


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.fixture
def pipe():
    """Returns the end to read, and a function that writes to the other; None closes it."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)  # to read where nothing is there fails, and does not hang

    def put(content: bytes | None) -> None:
        os.close(writing) if content is None else os.write(writing, content)

    yield reading, put
    os.close(reading)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"", []),
        (b"one", ["one"]),
        (b"one\n", ["one"]),
        (b"one\n\nthree\n", ["one", "", "three"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n", ["one", "\ufefftwo"]),
        ("日本語 \u2028 é\n".encode(), ["日本語 \u2028 é"]),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a", "a.txt.gz"])
def test_a_line_is_a_text(tmp_path: Path, name, content, texts):
    assert list(text_files.from_file(write(tmp_path / name, content))) == texts


def test_lines_longer_than_what_is_read_at_once_stay_whole(tmp_path: Path):
    lines = ["é" * 50_000, "b" * 200_000, "", "c"]
    path = write(tmp_path / "a.txt", "\n".join(lines).encode())
    assert list(text_files.from_file(path)) == lines


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_column_of_csv(tmp_path: Path, name):
    content = 'id,review\r\n1,"a, b ""c"""\r\n\r\n2,"two\nlines"\r\n3,\r\n'
    path = write(tmp_path / name, content.encode("utf-8-sig"))
    assert list(text_files.from_file(path)) == ['a, b "c"', "two\nlines", ""]


def test_a_column_by_its_name(tmp_path: Path):
    path = write(tmp_path / "a.tsv", b"text\tremark\na\tb\n")
    assert list(text_files.from_file(path, "remark")) == ["b"]


def test_a_key_of_json_lines(tmp_path: Path):
    records = [{"content": "a\nb", "n": 1}, {"content": "\ud800", "n": 2}]
    path = write(tmp_path / "a.jsonl", "\n\n".join(map(json.dumps, records)).encode())
    assert list(text_files.from_file(path)) == ["a\nb", "?"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"good\nsch\xf6n\n", r"a\.txt, line 2 is not UTF-8: it has the byte 0xf6.*iconv"),
        ("a.csv", b"text\ngood\nsch\xf6n\n", "line 3 is not UTF-8"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"texts,n\na,1\n", "no column 'text'; it has texts, n.*perhaps 'texts'"),
        ("a.csv", b"text,n\na,1\nb, c,1\n", "line 3 ends a row of 3 cells, and the header has 2"),
        ("a.csv", b'text,n\n"a"b,1\n', "line 2 is malformed"),
        ("a.jsonl", b'{"text": "a"}\n{"text"\n', "line 2 is not JSON"),
        ("a.jsonl", b"[1]\n", "line 1 is not an object"),
        ("a.jsonl", b'{"text": "a"}\n{"text": null}\n', "line 2 has no text under 'text': None"),
        ("a.txt", b"x" * ((1 << 24) + (1 << 17)), "line 1 is longer than 16 MiB"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_line(tmp_path: Path, name, content, message):
    with pytest.raises(InputError, match=message):
        list(text_files.from_file(write(tmp_path / name, content)))


def test_a_missing_file_and_a_broken_one_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="does not exist"):
        list(text_files.from_file(tmp_path / "none.txt"))
    broken = tmp_path / "a.gz"
    broken.write_bytes(b"no gzip")
    with pytest.raises(InputError, match="cannot be read"):
        list(text_files.from_file(broken))


def test_the_lines_before_a_bad_one_are_read(tmp_path: Path):
    texts = text_files.from_file(write(tmp_path / "a.txt", b"one\ntwo\n\xff\n"))
    assert [next(texts), next(texts)] == ["one", "two"]
    with pytest.raises(InputError, match="line 3"):
        next(texts)


def test_a_pipe_that_waits_pauses_and_one_that_ends_does_not(pipe):
    reading, put = pipe
    texts = text_files.from_descriptor(reading, "Standard input")
    put(b"one\r\ntwo\nth")
    assert [next(texts), next(texts), next(texts)] == ["one", "two", PAUSE]
    put(b"ree")
    put(None)
    assert [text for text in texts if text is not PAUSE] == ["three"]


def test_a_line_of_standard_input_that_is_not_utf_8_is_refused(pipe):
    reading, put = pipe
    put(b"one\n\xff\n")
    texts = text_files.from_descriptor(reading, "Standard input")
    assert next(texts) == "one"
    with pytest.raises(InputError, match="Standard input, line 2 is not UTF-8"):
        next(texts)


def test_a_folder_is_no_input(tmp_path: Path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(InputError, match="Standard input cannot be read: Is a directory"):
        list(text_files.from_descriptor(descriptor, "Standard input"))
    os.close(descriptor)
