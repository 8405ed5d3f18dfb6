"""SentencePiece models as files, read and written without the library.

The layout: sentencepiece_model.proto in https://github.com/google/sentencepiece. The encoding:
https://protobuf.dev/programming-guides/encoding/.
"""

import dataclasses
import struct
from collections.abc import Iterable, Iterator
from typing import Any

# Kinds of pieces, and algorithms.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4
UNIGRAM, BPE = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclasses.dataclass(frozen=True)
class Piece:
    """A piece of a vocabulary: its text, its score, and what kind of piece it is."""

    text: str
    score: float
    kind: int = NORMAL


def read_pieces(model: bytes) -> tuple[str, ...]:
    """Returns the pieces of a serialized SentencePiece model in the order of their ids.

    Raises:
      ValueError: It is none, or is cut off.
    """
    pieces = tuple(
        str(dict(_fields(value))[1], "utf-8") for number, value in _fields(model) if number == 1
    )
    if not pieces:
        raise ValueError("no pieces")
    return pieces


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yields number and value of each field of a serialized protocol buffer."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            size, place = _varint(message, place)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}[kind]
        if place + size > len(message):
            raise ValueError("cut off")
        yield number, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """Returns a number of variable length, and the place behind it."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def serialize(pieces: Iterable[Piece], algorithm: int, charsmap: bytes, is_spaced: bool) -> bytes:
    """Returns a serialized SentencePiece model.

    Args:
      pieces: All pieces, in the order of their ids.
      algorithm: `UNIGRAM` or `BPE`.
      charsmap: SentencePiece's normalisation; none where it is empty.
      is_spaced: Whether spaces are SentencePiece's to treat: one is put before the text, runs of
        them become one, and each becomes U+2581.
    """
    parts = [
        _field(1, _field(1, p.text.encode()) + _float(2, p.score) + _number(3, p.kind))
        for p in pieces
    ]
    parts.append(_field(2, _number(3, algorithm)))
    spacing = b"".join(_number(number, is_spaced) for number in (3, 4, 5))
    parts.append(_field(3, _field(2, charsmap) + spacing))
    return b"".join(parts)


def _field(number: int, content: bytes) -> bytes:
    return _to_varint(number << 3 | _BYTES) + _to_varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _to_varint(number << 3 | _VARINT) + _to_varint(value)


def _float(number: int, value: float) -> bytes:
    return _to_varint(number << 3 | _FIXED32) + struct.pack("<f", value)


def _to_varint(value: int) -> bytes:
    low = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes(part | 0x80 for part in low[:-1]) + bytes(low[-1:])
