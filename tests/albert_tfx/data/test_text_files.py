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


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.csv", "text,label\na,1\nb,2\n", [(2, "a", "1"), (3, "b", "2")]),
        ("a.csv", "text,label\ra,1\rb,2", [(2, "a", "1"), (3, "b", "2")]),
        ("a.csv", "\r\ntext,label\r\na,1\r\n\r\nb,2", [(3, "a", "1"), (5, "b", "2")]),
        ("a.csv", "text,label\na\0b,1\0\n", [(2, "a\0b", "1\0")]),
        ("a.csv", "text,label\n,\na,1\n,\n", [(3, "a", "1")]),
        ("a.csv", "text,label,id\na,1,x\nb,2\n", [(2, "a", "1"), (3, "b", "2")]),
        ("a.csv", "id,Review,,sentiment,id\n1,a,,2,3\n", [(2, "a", "2")]),
        ("a.csv", 'text,label\n"a\r\nb\rc\n""d""",1\ne "f",2\n',
         [(2, 'a\r\nb\rc\n"d"', "1"), (3, 'e "f"', "2")]),
        ("a.tsv", "label\ttext\n1\ta, b\n", [(2, "a, b", "1")]),
        ("a.jsonl", '{"text": 1.5, "label": true}\r\n\r\n{"label": 1, "text": false}\n',
         [(1, "1.5", "true"), (3, "false", "1")]),
        ("a.ndjson", '{"text": "a", "label": 1}\r{"text": "b", "label": 2, "id": 1}',
         [(1, "a", "1"), (2, "b", "2")]),
    ],
)  # fmt: skip
def test_whoever_reads_a_file_gets_the_same_rows(tmp_path: Path, name, content, rows):
    path = write(tmp_path / name, content.encode())
    read = text_files.rows(path, {"text": None, "label": None})
    assert [(number, *cells.values()) for number, cells in read] == rows
    assert list(text_files.from_file(path)) == [text for _, text, _ in rows]


def test_a_table_of_one_column_may_hold_an_empty_text(tmp_path: Path):
    path = write(tmp_path / "a.csv", b'text\na\n""\n\nb\n')
    assert list(text_files.from_file(path)) == ["a", "", "b"]


def test_line_ends_at_the_edge_of_what_is_read_at_once(tmp_path: Path):
    for length in range((1 << 16) - 8, 1 << 16):
        path = write(tmp_path / "a.csv", b"text\r\n" + b"x" * length + b"\r\ny\r\rz\r\n")
        assert list(text_files.from_file(path)) == ["x" * length, "y", "z"]


def test_a_line_of_a_plain_file_may_hold_a_carriage_return(tmp_path: Path):
    assert list(text_files.from_file(write(tmp_path / "a", b"a\rb\r\nc"))) == ["a\rb", "c"]


def test_a_file_without_columns_has_none_to_name(tmp_path: Path):
    path = write(tmp_path / "a.txt", b"one\n")
    with pytest.raises(InputError, match=r"one text a line, and no column 'b'.*Leave --text-col"):
        list(text_files.from_file(path, "b"))
    with pytest.raises(InputError, match=r"unknown kind '\.txt'.*\.jsonl, \.ndjson, or"):
        list(text_files.rows(path, {"text": None}))


def test_the_rows_before_a_bad_one_are_read(tmp_path: Path):
    path = write(tmp_path / "a.csv", b"text\n" + b"a\n" * 99 + b'"b"c\n')
    texts = text_files.from_file(path)
    assert [next(texts) for _ in range(99)] == ["a"] * 99
    with pytest.raises(InputError, match="line 101"):
        next(texts)


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
        ("a.csv", b"texts,n\na,1\n", "no column 'text'; it has texts, n.*mean 'texts'"),
        ("a.csv", b"text,n\na,1\nb, c,1\n", "line 3 ends a row of 3 cells, and the header has 2"),
        ("a.csv", b'text,n\n"a"b,1\n', "line 2 is malformed"),
        ("a.jsonl", b'{"text": "a"}\n{"text"\n', "line 2 is not JSON"),
        ("a.jsonl", b"[1]\n", "line 1 is not an object"),
        ("a.jsonl", b'{"text": "a"}\n{"text": null}\n', r"'text' is empty or missing: 1 row \(2\)"),
        ("a.csv", b'text,n\n"say \\"wow\\"",1\n', "line 2 is malformed"),
        (
            "a.tsv",
            b'text\tn\n"a\t1\nb\t1\n"c\t1\n',
            "4 is malformed, in a row that begins on line 2",
        ),
        ("a.csv", b'text,n\na,1\n"b,1\nc,1\n', "4 is malformed, in a row that begins on line 3"),
        ("a.csv", b"text,n,text\na,1,b\n", "has 2 columns named 'text'"),
        ("a.csv", b"n,text\n1,a\n2\n", r"'text' is empty or missing: 1 row \(3\)"),
        ("a.jsonl", b'{"n": 1}\n{"text": "a"}\n', r"'text' is empty or missing: 1 row \(1\)"),
        ("a.jsonl", b'{"text": "a", "text": "b"}\n', "line 1 is not JSON: the key 'text' occurs"),
        ("a.jsonl", b'{"text": ["a"]}\n', r"'text' holds lists or objects: 1 row \(1\)"),
        ("a.jsonl", b'{"n": ' + b"[" * 99_999 + b"]" * 99_999 + b"}\n", "line 1 is not JSON"),
        ("a.jsonl", b'{"text": ' + b"1" * 5000 + b"}\n", "line 1 is not JSON"),
        ("a.json", b'{"text": "a"}\n', r"unknown kind '\.json'.*\.jsonl, \.ndjson, \.txt"),
        ("a.xlsx", b"text\na\n", r"unknown kind '\.xlsx'"),
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
