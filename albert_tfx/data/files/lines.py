"""Lines of text: decoded piece by piece, so that a file may exceed the memory."""

import codecs
import io
import itertools
from collections.abc import Iterable, Iterator

from albert_tfx.data.files.content import PAUSE
from albert_tfx.errors import InputError, did_you_mean

UTF_8 = "utf-8"
LONGEST_LINE = 1 << 24  # characters
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins as UTF-16's does
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WESTERN = "windows-1252"
# Encodings of other scripts, for a file most of whose letters are no ASCII.
_OTHERS = ("windows-1251", "shift_jis", "gb18030", "big5", "euc_kr", "windows-1256", "iso8859-7")
_EXAMPLES = (_WESTERN, "utf-16", "latin-1", "mac_roman", *_OTHERS)
_MOST_FOREIGN = 0.25  # of the bytes, in a text in a language of Western Europe
_EXCERPT = 12  # bytes before and after the one that is shown
_OF_HOST_NAMES = ("idna", "punycode")
# By how many bytes UTF-16 without a mark is told: a header in ASCII, then a few lines, then more.
_SAMPLES = (16, 64, 4096)


class _UndecodableError(Exception):
    """Bytes that the encoding does not allow, or that end within a character."""

    def __init__(self, content: bytes, at: int, is_cut: bool = False) -> None:
        super().__init__(content, at)
        self.content = content
        self.at = at
        self.is_cut = is_cut


def require_encoding(name: str) -> str:
    """Returns the name of an encoding as Python has it.

    Raises:
      InputError: There is no such encoding of texts.
    """
    try:
        known = codecs.lookup(name)
        "".encode(name)  # raises where it is none of texts, such as `hex`
    except (LookupError, ValueError, UnicodeError) as error:
        guess = did_you_mean(name, _EXAMPLES, f"Give one such as {', '.join(_EXAMPLES[:4])}")
        raise InputError(f"There is no encoding of texts {name!r}", guess) from error
    if known.name in _OF_HOST_NAMES:
        raise InputError(f"{name!r} is an encoding of host names", "Give one of texts")
    return known.name


def lines(
    chunks: Iterable[bytes | None], name: str, encoding: str | None, universal: bool
) -> Iterator[str | None]:
    r"""Yields lines with their ends, and `PAUSE` where `chunks` do.

    Args:
      chunks: The bytes, and `PAUSE`s.
      name: What to call them in an error.
      encoding: How they are encoded; None for UTF-8.
      universal: Whether `\r` alone ends a line as well.

    Raises:
      InputError: They are encoded in another way, or a line is too long to be one.
    """
    newline = "" if universal else "\n"
    held: list[str] = []
    number = 0
    try:
        for piece in _pieces(chunks, name, encoding):
            if piece is PAUSE:
                yield PAUSE
                continue
            held.append(piece)
            if "\n" in piece or (universal and "\r" in piece):
                *whole, last = io.StringIO("".join(held), newline=newline).readlines()
                if last.endswith("\n"):
                    whole, last = [*whole, last], ""
                held = [last]
                number += len(whole)
                yield from whole
            if sum(map(len, held)) > LONGEST_LINE:
                raise InputError(
                    f"{name}, line {number + 1} is longer than {LONGEST_LINE >> 20} MiB",
                    "Give one text a line",
                )
    except _UndecodableError as error:
        raise _not_decoded(name, number + 1, encoding, error) from error
    yield from io.StringIO("".join(held), newline=newline)


def without_end(line: str) -> str:
    """Returns a line without the line break that ends it."""
    return line.removesuffix("\n").removesuffix("\r")


def _pieces(
    chunks: Iterable[bytes | None], name: str, encoding: str | None
) -> Iterator[str | None]:
    decoder = codecs.getincrementaldecoder(encoding or UTF_8)()
    is_first = True
    for chunk in chunks:
        if chunk is PAUSE:
            yield PAUSE
            continue
        if is_first and encoding is None:
            _refuse_wide_characters(chunk, name)
        for piece in _decoded(decoder, chunk, encoding):
            yield piece.removeprefix("\ufeff") if is_first else piece
            is_first = is_first and not piece
    yield from _decoded(decoder, b"", encoding, final=True)


def _decoded(
    decoder: codecs.IncrementalDecoder, chunk: bytes, encoding: str | None, final: bool = False
) -> Iterator[str]:
    try:
        yield decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        yield error.object[: error.start].decode(encoding or UTF_8, "ignore")
        raise _UndecodableError(error.object, error.start, is_cut=final) from error
    except UnicodeError as error:  # there is no byte order mark
        raise _UndecodableError(chunk, 0) from error


def _refuse_wide_characters(first: bytes, name: str) -> None:
    """Refuses UTF-16 and UTF-32, whose ASCII is UTF-8 as well, with a NUL in each character."""
    encoding = _wide(first)
    if encoding:
        raise InputError(f"{name} is {encoding.upper()}, not UTF-8", f"Give --encoding {encoding}")


def _wide(first: bytes) -> str | None:
    marked = (each for mark, each in _BYTE_ORDER_MARKS.items() if first.startswith(mark))
    unmarked = (_without_mark(first[:size]) for size in _SAMPLES)
    return next(filter(None, itertools.chain(marked, unmarked)), None)


def _without_mark(sample: bytes) -> str | None:
    even, odd = sample[0::2], sample[1::2]
    if len(odd) < 2:
        return None
    shares = even.count(0) / len(even), odd.count(0) / len(odd)
    if shares[0] < 0.1 and shares[1] > 0.4:
        return "utf-16-le"
    return "utf-16-be" if shares[1] < 0.1 and shares[0] > 0.4 else None


def _not_decoded(
    name: str, number: int, encoding: str | None, error: _UndecodableError
) -> InputError:
    if error.is_cut:
        return InputError(
            f"{name}, line {number} ends within a character of {encoding or 'UTF-8'}",
            f"Give the whole file, or another encoding, such as --encoding {_WESTERN}",
        )
    byte = error.content[error.at : error.at + 1].hex()
    remedy = _without_the_given(error.content) if encoding else None
    return InputError(
        f"{name}, line {number} is not {encoding or 'UTF-8'}: it has the byte 0x{byte}",
        remedy or _remedy(error.content, error.at),
    )


def _without_the_given(content: bytes) -> str | None:
    """Returns what to give in place of a wrong encoding, where that is told by the bytes."""
    if wide := _wide(content):
        return f"Give --encoding {wide}"
    try:
        codecs.getincrementaldecoder(UTF_8)().decode(content)  # may be cut at the end
    except UnicodeDecodeError:
        return None
    return "It reads as UTF-8: leave --encoding out"


def _remedy(content: bytes, at: int) -> str:
    """Guesses the encoding, and shows how it reads, for the user to judge by."""
    around = content[max(0, at - (1 << 12)) : at + (1 << 12)]
    foreign = sum(byte > 127 for byte in around) / len(around)
    excerpt = _excerpt(content, at)
    if foreign < _MOST_FOREIGN and _decodes(excerpt, _WESTERN):
        return f"Give --encoding {_WESTERN}, by which it reads {excerpt.decode(_WESTERN)!r}"
    possible = [each for each in _OTHERS if _decodes(excerpt, each)] or [*_OTHERS]
    return f"Give its encoding, such as --encoding {' or '.join(possible[:3])}"


def _excerpt(content: bytes, at: int) -> bytes:
    """Returns the words around a byte, of its line."""
    begins = 1 + max(content.rfind(end, 0, at) for end in (b"\n", b"\r"))
    [line, *_] = content[max(begins, at - _EXCERPT) : at + _EXCERPT].splitlines()
    return line


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
