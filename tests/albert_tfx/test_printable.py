"""No text that is printed changes the terminal that shows it."""

import unicodedata

import pytest

from albert_tfx.errors import InputError, one_line
from albert_tfx.printable import printable

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
