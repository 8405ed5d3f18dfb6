"""What may be shown: text in which nothing moves a cursor, and command lines without secrets."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

# Control characters but tab and line feed; marks, embeddings, overrides and isolates of direction
# (Unicode Standard Annex #9, "Bidirectional Algorithm"); line and paragraph separators; and halves
# of surrogate pairs, which no terminal and no file in UTF-8 takes.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# Categories of Unicode that a reader does not see, and what is of other categories and has the
# property Default_Ignorable_Code_Point, https://www.unicode.org/Public/UCD/latest/ucd/: fillers of
# Hangul, joiners and variation selectors.
_INVISIBLE = ("Cc", "Cf")
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
HIDDEN = "***"
_NAME = (
    r"[\w.-]*(?:passw|passphrase|pwd|secret|token|credential|key|auth(?!or)|signature|(?<![a-z])(?:sig|sas)(?![a-z]))"
    r"[\w.-]*"
)
# `--password=…`, also inside another flag; in a URL's query, a list of pairs or JSON; and what
# precedes the host of a URL.
_SECRETS = (
    re.compile(rf"--?{_NAME}=(?P<secret>.+)$", re.IGNORECASE | re.DOTALL),
    re.compile(
        rf"(?<![\w-]){_NAME}[\"']?\s*[=:]\s*[\"']?(?P<secret>[^\s,;&\"'}}]+)", re.IGNORECASE
    ),
    re.compile(r"://(?P<secret>[^/\s@]+)@"),
)
_AWAITS_ITS_VALUE = re.compile(rf"(?:^|=)--?{_NAME}$", re.IGNORECASE)
_PASSES_ON = re.compile(r"--[\w-]+=")
_SHORTEST = 3


def printable(text: str) -> str:
    r"""Returns `text` with each unsafe character as the escape that Python writes for it.

    >>> printable("a \x1b[31m red\r label\u202e")
    'a \\x1b[31m red\\r label\\u202e'
    """
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


def is_invisible(character: str) -> bool:
    """Returns whether a reader does not see a character; a space is seen."""
    is_control = unicodedata.category(character) in _INVISIBLE and not character.isspace()
    return is_control or bool(_IGNORABLE.match(character))


def visible(name: str) -> str:
    r"""Returns what a reader sees of a name: the normal form NFKC, with single spaces.

    >>> visible("very\u200b  good")
    'very good'
    """
    plain = unicodedata.normalize("NFKC", name)
    return " ".join("".join(each for each in plain if not is_invisible(each)).split())


def redacted(arguments: Sequence[str]) -> list[str]:
    """Returns a command line with its secrets replaced by asterisks.

    >>> redacted(["--beam-arg=--s3_secret_access_key=abc", "https://me:abc@host/model?token=abc"])
    ['--beam-arg=--s3_secret_access_key=***', 'https://***@host/model?token=***']
    """
    hidden = secrets(arguments)
    return [hide(argument, hidden) for argument in arguments]


def secrets(arguments: Iterable[str]) -> tuple[str, ...]:
    """Returns the passwords, tokens and keys of a command line, by the names that they are given.

    The longest come first, so that none is hidden in part only.
    """
    found = set(_secrets(arguments))
    return tuple(sorted((each for each in found if len(each) >= _SHORTEST), key=len, reverse=True))


def hide(text: str, hidden: Iterable[str]) -> str:
    """Returns a text with asterisks in place of each of the `hidden` strings."""
    for secret in hidden:
        text = text.replace(secret, HIDDEN)
    return text


def has_secret(text: str) -> bool:
    """Returns whether a single argument, such as a URL, holds a secret."""
    return any(True for _ in _within(text))


def _secrets(arguments: Iterable[str]) -> Iterator[str]:
    is_value = False
    for argument in arguments:
        value = _PASSES_ON.sub("", argument, count=1)
        if is_value and not value.startswith("-"):
            yield value
            is_value = False
            continue
        yield from _within(argument)
        is_value = bool(_AWAITS_ITS_VALUE.search(argument)) or (is_value and argument == value)


def _within(argument: str) -> Iterator[str]:
    for pattern in _SECRETS:
        for found in pattern.finditer(argument):
            yield found["secret"]
