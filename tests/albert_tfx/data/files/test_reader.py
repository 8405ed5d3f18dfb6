"""Reading texts: what is a text, what is refused, and that nothing is read ahead of need."""

import gzip
import json
import os
from pathlib import Path

import pytest

from albert_tfx.data.files import reader
from albert_tfx.data.files.content import PAUSE
from albert_tfx.errors import InputError


def texts_of(path: Path, *columns: str, **options):
    table = reader.open_texts(path, columns, **options)
    return (row.cells["text"] for row in reader.rows_with_text(table))


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
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
    assert list(texts_of(write(tmp_path / name, content))) == texts


def test_lines_longer_than_what_is_read_at_once_stay_whole(tmp_path: Path):
    lines = ["é" * 50_000, "b" * 200_000, "", "c"]
    path = write(tmp_path / "a.txt", "\n".join(lines).encode())
    assert list(texts_of(path)) == lines


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_column_of_csv(tmp_path: Path, name):
    content = 'id,review\r\n1,"a, b ""c"""\r\n\r\n2,"two\nlines"\r\n3,\r\n'
    path = write(tmp_path / name, content.encode("utf-8-sig"))
    assert list(texts_of(path)) == ['a, b "c"', "two\nlines", ""]


def test_a_column_by_its_name(tmp_path: Path):
    path = write(tmp_path / "a.tsv", b"text\tremark\na\tb\n")
    assert list(texts_of(path, "remark")) == ["b"]


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
    read = reader.open_table(path, {"text": (), "label": ()}).rows
    assert [(number, *cells.values()) for number, cells in read] == rows
    assert list(texts_of(path)) == [text for _, text, _ in rows]


def test_a_table_of_one_column_may_hold_an_empty_text(tmp_path: Path):
    path = write(tmp_path / "a.csv", b'text\na\n""\n\nb\n')
    assert list(texts_of(path)) == ["a", "", "b"]


def test_line_ends_at_the_edge_of_what_is_read_at_once(tmp_path: Path):
    for length in range((1 << 16) - 8, 1 << 16):
        path = write(tmp_path / "a.csv", b"text\r\n" + b"x" * length + b"\r\ny\r\rz\r\n")
        assert list(texts_of(path)) == ["x" * length, "y", "z"]


def test_a_line_of_a_plain_file_may_hold_a_carriage_return(tmp_path: Path):
    assert list(texts_of(write(tmp_path / "a", b"a\rb\r\nc"))) == ["a\rb", "c"]


def test_a_file_without_columns_has_none_to_name(tmp_path: Path):
    path = write(tmp_path / "a.txt", b"one\n")
    with pytest.raises(InputError, match=r"one text a line, and no column 'b'.*Leave --text-col"):
        list(texts_of(path, "b"))
    with pytest.raises(InputError, match=r"unknown kind '\.txt'.*\.jsonl, \.ndjson, \.parquet, or"):
        reader.open_table(path, {"text": ()})


def test_the_rows_before_a_bad_one_are_read(tmp_path: Path):
    path = write(tmp_path / "a.csv", b"text\n" + b"a\n" * 99 + b'"b"c\n')
    texts = texts_of(path)
    assert [next(texts) for _ in range(99)] == ["a"] * 99
    with pytest.raises(InputError, match="line 101"):
        next(texts)


def test_a_key_of_json_lines(tmp_path: Path):
    records = [{"content": "a\nb", "n": 1}, {"content": "\ud800", "n": 2}]
    path = write(tmp_path / "a.jsonl", "\n\n".join(map(json.dumps, records)).encode())
    assert list(texts_of(path)) == ["a\nb", "?"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.txt",
            b"good\nsch\xf6n\n",
            r"a\.txt, line 2 is not UTF-8: it has the byte 0xf6.*--encoding windows-1252",
        ),
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
        (
            "a.json",
            b'{"text": "a"}\n',
            r"unknown kind '\.json'.*\.jsonl, \.ndjson, \.parquet, \.txt",
        ),
        ("a.xlsx", b"text\na\n", r"unknown kind '\.xlsx'"),
        ("a.txt", b"x" * ((1 << 24) + (1 << 17)), "line 1 is longer than 16 MiB"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_line(tmp_path: Path, name, content, message):
    with pytest.raises(InputError, match=message):
        list(texts_of(write(tmp_path / name, content)))


def test_a_missing_file_and_a_broken_one_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="does not exist"):
        list(texts_of(tmp_path / "none.txt"))
    broken = tmp_path / "a.gz"
    broken.write_bytes(b"no gzip")
    with pytest.raises(InputError, match="cannot be read"):
        list(texts_of(broken))


def test_the_lines_before_a_bad_one_are_read(tmp_path: Path):
    texts = texts_of(write(tmp_path / "a.txt", b"one\ntwo\n\xff\n"))
    assert [next(texts), next(texts)] == ["one", "two"]
    with pytest.raises(InputError, match="line 3"):
        next(texts)


def test_a_pipe_that_waits_pauses_and_one_that_ends_does_not(pipe):
    reading, put = pipe
    texts = reader.texts_of_descriptor(reading, "Standard input")
    put(b"one\r\ntwo\nth")
    assert [next(texts), next(texts), next(texts)] == ["one", "two", PAUSE]
    put(b"ree")
    put(None)
    assert [text for text in texts if text is not PAUSE] == ["three"]


def test_a_line_of_standard_input_that_is_not_utf_8_is_refused(pipe):
    reading, put = pipe
    put(b"one\n\xff\n")
    texts = reader.texts_of_descriptor(reading, "Standard input")
    assert next(texts) == "one"
    with pytest.raises(InputError, match="Standard input, line 2 is not UTF-8"):
        next(texts)


def test_a_folder_is_no_input(tmp_path: Path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(InputError, match="Standard input cannot be read: Is a directory"):
        list(reader.texts_of_descriptor(descriptor, "Standard input"))
    os.close(descriptor)


@pytest.mark.parametrize(
    ("name", "content", "separator"),
    [
        ("a.csv", "id;text;label\n1;a, b;1\n", "semicolons"),
        ("a.csv", "id\ttext\tlabel\n1\ta, b\t1\n", "tabs"),
        ("a.csv", "text|label\na, b|1\n", "bars"),
        ("a.tsv", 'text,label\n"a, b",1\n', "commas"),
        ("a.csv", "sep=;\r\ntext;label\r\na, b;1\r\n", "semicolons"),
        ("a.csv.gz", "text;label\na, b;1\n", "semicolons"),
    ],
)
def test_other_separators_are_recognised_and_said(tmp_path: Path, name, content, separator):
    table = reader.open_table(write(tmp_path / name, content.encode()), {"text": (), "label": ()})
    assert [(*row.cells.values(),) for row in table.rows] == [("a, b", "1")]
    assert table.remarks == [f"{name} is read as separated by {separator}"]


def test_the_files_own_separator_comes_first(tmp_path: Path):
    table = reader.open_table(write(tmp_path / "a.csv", b"text\na;b\n"), {"text": ()})
    assert [row.cells for row in table.rows] == [{"text": "a;b"}]
    assert table.remarks == []
    with pytest.raises(InputError, match="it has review, stars"):
        reader.open_table(write(tmp_path / "b.csv", b"review;stars\na;1\n"), {"label": ()})


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("text\nI don\u2019t\n".encode("windows-1252"), "0x92.*windows-1252, .* 'I don\u2019t'"),
        ("text,label\nschön,1\n".encode("utf-16"), "is UTF-16, .*Give --encoding utf-16"),
        ("text,label\nschön,1\n".encode("utf-16-le"), "Give --encoding utf-16-le"),
        ("text,label\nschön,1\n".encode("utf-16-be"), "Give --encoding utf-16-be"),
        ("text,label\nschön,1\n".encode("utf-32"), "Give --encoding utf-32"),
        (("text,label\n" + "很好的电影" * 99).encode("utf-16-le"), "Give --encoding utf-16-le"),
        (("text,label\n" + "很好的电影" * 99).encode("utf-16-be"), "Give --encoding utf-16-be"),
        ("text\ngood\nschön".encode()[:-2], "line 3 ends within a character of UTF-8"),
        (
            b"text,label\n" + bytes(range(0xE0, 0xF0)) * 2 + b",1\n",
            "such as --encoding windows-1251",
        ),
        (gzip.compress(b"text\na\n", mtime=0), "compressed by gzip.*Add .gz to its name"),
        (b"PK\x03\x04rest", "zip archive, as Excel's workbooks are"),
        (b"PAR1rest", "is Parquet, without .parquet"),
    ],
)
def test_other_encodings_and_kinds_are_named(tmp_path: Path, content, named):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=named):
        list(texts_of(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    "encoding", ["windows-1252", "utf-16", "utf-16-le", "utf-32", "latin-1", "UTF8"]
)
def test_an_encoding_can_be_given(tmp_path: Path, encoding):
    path = write(tmp_path / "a.csv", 'text\n"schön\nhier"\nb\n'.encode(encoding))
    assert list(texts_of(path, encoding=encoding)) == ["schön\nhier", "b"]


@pytest.mark.parametrize(
    ("encoding", "written", "remedy"),
    [
        ("utf-16", "utf-16-le", "Give --encoding utf-16-le"),
        ("utf-16", "utf-8", "leave --encoding out"),
        ("utf-32", "utf-8", "leave --encoding out"),
        ("ascii", "utf-8", "leave --encoding out"),
        ("ascii", "utf-16", "Give --encoding utf-16"),
        ("shift_jis", "windows-1252", "Give --encoding windows-1252"),
    ],
)
def test_a_wrong_encoding_is_refused_and_a_better_one_named(
    tmp_path: Path, encoding, written, remedy
):
    path = write(tmp_path / "a.csv", "text\nsch\u00f6n \u2013 so\n".encode(written))
    with pytest.raises(InputError, match=rf"line \d is not {encoding}: .*{remedy}"):
        list(texts_of(path, encoding=encoding))


@pytest.mark.parametrize("name", ["idna", "punycode"])
def test_an_encoding_of_host_names_is_refused(tmp_path: Path, name):
    with pytest.raises(InputError, match="is an encoding of host names"):
        list(texts_of(write(tmp_path / "a.csv", b"text\na\n"), encoding=name))


@pytest.mark.parametrize("name", ["utf-88", "hex", "rot13", "no such"])
def test_an_unknown_encoding_is_refused(tmp_path: Path, name):
    with pytest.raises(InputError, match="There is no encoding of texts"):
        list(texts_of(write(tmp_path / "a.csv", b"text\na\n"), encoding=name))


def test_a_row_of_many_lines_is_hinted_at(tmp_path: Path):
    rows = "".join(f"text {n},1\n" for n in range(5))
    path = write(tmp_path / "a.csv", f'text,label\na,1\n"b,1\n{rows}c",0\nd,1\n'.encode())
    table = reader.open_table(path, {"text": (), "label": ()})
    assert len([*table.rows]) == 3
    [remark] = table.remarks
    assert remark.startswith("a.csv, row 3 is one row of 7 lines, 3 to 9: ")
    poem = write(tmp_path / "b.csv", b'text,label\n"roses\nare\nred",1\n')
    table = reader.open_table(poem, {"text": (), "label": ()})
    assert (len([*table.rows]), table.remarks) == (1, [])


@pytest.mark.parametrize(
    ("header", "joined", "remarks"),
    [
        ("text,label,id", '"b,pos,2\nc",neg,3', 1),
        ("label,text,id", 'pos,"b,2\nneg,c",3', 1),
        ("id,label,text", '2,pos,"b\n3,neg,c"', 1),
        ("text,label,id", '"Well, yes,\nso it is",neg,3', 0),
        ("text,label,id", '"Well, pos, yes, so\nit, is",neg,3', 0),
    ],
)
def test_a_quote_that_joins_two_rows_is_hinted_at(tmp_path: Path, header, joined, remarks):
    rows = [{"text": "a", "label": label, "id": "1"} for label in ("pos", "neg")]
    lines = [",".join(row[name] for name in header.split(",")) for row in rows]
    path = write(tmp_path / "a.csv", "\n".join([header, *lines, joined]).encode())
    table = reader.open_table(path, {"text": (), "label": ()})
    assert len([*table.rows]) == 3
    hint = "a.csv, row 4 is one row of 2 lines, 4 to 5: "
    assert [remark[: len(hint)] for remark in table.remarks] == [hint] * remarks


def test_several_columns_are_joined_and_an_id_is_carried(tmp_path: Path):
    path = write(tmp_path / "a.csv", b"id,title,body\n7,A,b\n8,,c\n9,D,\n")
    table = reader.open_texts(path, ("title", "body"), "id")
    cells = [row.cells for row in reader.rows_with_text(table)]
    assert cells == [
        {"text": "A b", "id": "7"}, {"text": "c", "id": "8"}, {"text": "D", "id": "9"}
    ]  # fmt: skip


def test_rows_without_a_text_can_be_left_out(tmp_path: Path):
    path = write(tmp_path / "a.jsonl", b'{"text": "a"}\n{"text": null}\n{"text": " "}\n')
    table = reader.open_texts(path)
    assert [row.cells["text"] for row in reader.rows_with_text(table, skip_empty=True)] == ["a"]
    assert table.remarks == ["a.jsonl: 2 rows without a text are left out"]


def test_parquet_has_the_rows_of_csv(tmp_path: Path):
    import pyarrow as pa
    from pyarrow import parquet

    columns = {"text": ["a", None, "é"], "label": [1, 2, 3], "n": [0.5, float("nan"), 2.0]}
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    table = reader.open_table(tmp_path / "a.parquet", {"text": (), "label": (), "n": ("n",)})
    assert [(row.number, *row.cells.values()) for row in table.rows] == [
        (1, "a", "1", "0.5"), (2, None, "2", None), (3, "é", "3", "2.0")
    ]  # fmt: skip
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        reader.open_table(tmp_path / "a.parquet", {"text": ()})


def saved(folder: Path, rows) -> Path:
    """Writes what `save_to_disk` of `datasets` does."""
    import pyarrow as pa

    folder.mkdir(parents=True)
    table = pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
    file = pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb")
    with file as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    files = [{"filename": "data-00000-of-00001.arrow"}]
    (folder / "state.json").write_text(json.dumps({"_data_files": files}))
    label = {"names": ["bad", "good"], "_type": "ClassLabel"}
    features = {"text": {"dtype": "string", "_type": "Value"}, "label": label}
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    return folder


def test_a_saved_data_set_has_the_names_of_its_classes(tmp_path: Path):
    folder = saved(tmp_path / "mine", [("a", 1), ("b", 0), ("c", -1)])
    table = reader.open_table(folder, {"text": (), "label": ()})
    assert [(*row.cells.values(),) for row in table.rows] == [
        ("a", "good"),
        ("b", "bad"),
        ("c", None),
    ]
    (folder / "data-00000-of-00001.arrow").write_bytes(b"cut")
    with pytest.raises(InputError, match="cannot be read"):
        list(reader.open_table(folder, {"text": ()}).rows)
    with pytest.raises(InputError, match="none that save_to_disk"):
        reader.open_table(tmp_path, {"text": ()})
