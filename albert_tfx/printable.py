"""Text from anywhere, made safe to print: nothing in it moves a cursor or turns a line round."""

import re

# Control characters but tab and line feed; marks, embeddings, overrides and isolates of direction
# (Unicode Standard Annex #9, "Bidirectional Algorithm"); line and paragraph separators; and halves
# of surrogate pairs, which no terminal and no file in UTF-8 takes.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Returns `text` with each unsafe character as the escape that Python writes for it.

    >>> printable("a \x1b[31m red\r label\u202e")
    'a \\x1b[31m red\\r label\\u202e'
    """
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)
