import pytest

from albert_tfx.errors import first_line, one_line


@pytest.mark.parametrize(
    ("message", "first", "last"),
    [
        ("one", "one", "one"),
        ("\n one \ntwo\n", "one", "two"),
        ("", "ValueError", "ValueError"),
        ("\n", "ValueError", "ValueError"),
    ],
)
def test_an_error_is_told_in_one_line(message: str, first: str, last: str):
    error = ValueError(message)
    assert (first_line(error), one_line(error)) == (first, last)
