"""Reads from a serialized `MetaGraphDef` which tensors the signatures of a model name.

TensorFlow's own classes for that come with the whole of its Python package. Of the format of
protocol buffers (https://protobuf.dev/programming-guides/encoding) little is needed: what is not a
signature is passed over. The numbers of fields are those of `meta_graph.proto`.
"""

import dataclasses
from collections.abc import Iterator, Mapping

_SIGNATURES = 5  # of a MetaGraphDef: a map
_INPUTS, _OUTPUTS = 1, 2  # of a SignatureDef: maps
_TENSOR = 1  # of a TensorInfo
_KEY, _VALUE = 1, 2  # of an entry of any map
# Kinds of values, and the bytes of those that have always the same number.
_VARINT, _LENGTH_FIRST = 0, 2
_WIDTHS = {1: 8, 5: 4}


@dataclasses.dataclass(frozen=True)
class Signature:
    """The tensors of a signature, such as `StatefulPartitionedCall:0`.

    Attributes:
      inputs: The name of each input's tensor, by the input's name.
      outputs: Likewise.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


def read(meta_graph: bytes) -> dict[str, Signature]:
    """Returns the signatures by their names.

    Raises:
      ValueError: These are no bytes of a `MetaGraphDef`.
    """
    return {
        name: Signature(_tensors(signature, _INPUTS), _tensors(signature, _OUTPUTS))
        for name, signature in _entries(meta_graph, _SIGNATURES)
    }


def _tensors(signature: bytes, field: int) -> dict[str, str]:
    return {
        name: _only(tensor_info, _TENSOR).decode()
        for name, tensor_info in _entries(signature, field)
    }


def _entries(message: bytes, field: int) -> Iterator[tuple[str, bytes]]:
    for number, entry in _fields(message):
        if number == field:
            yield _only(entry, _KEY).decode(), _only(entry, _VALUE)


def _only(message: bytes, field: int) -> bytes:
    """Returns the value of a field; a field that is empty is not written."""
    return dict(_fields(message)).get(field, b"")


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the number of each field that has a length, with its value."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 0b111
        if kind == _VARINT:
            _, place = _varint(message, place)
            continue
        length = _WIDTHS.get(kind)
        if kind == _LENGTH_FIRST:
            length, place = _varint(message, place)
        if length is None or place + length > len(message):
            raise ValueError("a field of no known length")
        if kind == _LENGTH_FIRST:
            yield key >> 3, message[place : place + length]
        place += length


def _varint(message: bytes, start: int) -> tuple[int, int]:
    """Returns the integer that begins at `start`, seven bits a byte, and the place behind it."""
    value = 0
    for place in range(start, len(message)):
        value |= (message[place] & 0x7F) << 7 * (place - start)
        if message[place] < 0x80:
            return value, place + 1
    raise ValueError("an integer that does not end")
