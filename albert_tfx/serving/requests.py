"""TensorFlow Serving's REST form: what a request's JSON asks for, and the JSON of an answer.

See https://www.tensorflow.org/tfx/serving/api_rest. Imports neither TensorFlow nor a server.
"""

import base64
import binascii
import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from albert_tfx.contract import CLASSIFY_TEXT, SERVING_DEFAULT, TEXT
from albert_tfx.serving.options import Limits

if TYPE_CHECKING:
    import numpy.typing as npt

    Outputs = Mapping[str, npt.NDArray[np.generic]]

INPUTS = {CLASSIFY_TEXT: TEXT, SERVING_DEFAULT: "examples"}
_SIGNATURES = {name: signature for signature, name in INPUTS.items()}
_INSTANCES, _COLUMNS, _BINARY = "instances", "inputs", "b64"


class RequestError(Exception):
    """A request that is not answered, with the HTTP status that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclasses.dataclass(frozen=True)
class Query:
    """What a request asks for.

    Attributes:
      signature: Name of the model's signature.
      values: Its input: texts in UTF-8, or serialized `tf.train.Example`s.
      by_row: Whether the answer is one object a text, rather than one list an output.
    """

    signature: str
    values: tuple[bytes, ...]
    by_row: bool


def read(body: bytes, limits: Limits) -> Query:
    """Returns what the body of a request asks for.

    Without a `signature_name`, `serving_default` gets what is binary, as from TensorFlow Serving,
    and `classify_text` what is text, which TensorFlow Serving takes for a damaged example.

    Raises:
      RequestError: The body is not in the form, or asks for more than `limits` allow.
    """
    content = _parsed(body)
    given = [key for key in (_INSTANCES, _COLUMNS) if key in content]
    if len(given) != 1:
        raise RequestError(400, f'Give one of "{_INSTANCES}" and "{_COLUMNS}"')
    by_row = given == [_INSTANCES]
    name, values = _named(content[given[0]], by_row)
    if not isinstance(values, list) or not values:
        raise RequestError(400, f'"{given[0]}" has to be a list of one text or more')
    if len(values) > limits.max_texts:
        count = f"{len(values):,} texts in a request, and {limits.max_texts:,} are allowed"
        raise RequestError(413, f"There are {count}: send them in parts")
    signature = _signature(content.get("signature_name"), name, values)
    return Query(signature, tuple(_bytes(each, signature, limits) for each in values), by_row)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise RequestError(400, "The body is no JSON in UTF-8") from None
    if not isinstance(content, dict):
        raise RequestError(400, "The body has to be a JSON object")
    return content


def _named(given: Any, by_row: bool) -> tuple[str | None, Any]:
    """Returns the name of the input, where the request has it, and the values."""
    if by_row and isinstance(given, list):
        return _of_rows(given)
    if not by_row and isinstance(given, dict) and _BINARY not in given:
        return _only(given)
    return None, given


def _of_rows(rows: list[Any]) -> tuple[str | None, list[Any]]:
    pairs = [
        _only(row) if isinstance(row, dict) and _BINARY not in row else (None, row) for row in rows
    ]
    names = {name for name, _ in pairs}
    if len(names) > 1:
        raise RequestError(400, "The instances have different inputs")
    return next(iter(names), None), [value for _, value in pairs]


def _only(inputs: dict[str, Any]) -> tuple[str, Any]:
    if len(inputs) != 1 or next(iter(inputs)) not in _SIGNATURES:
        raise RequestError(400, f"There is one input, {' or '.join(map(repr, _SIGNATURES))}")
    return next(iter(inputs.items()))


def _signature(asked: Any, name: str | None, values: Sequence[Any]) -> str:
    """Returns the signature that is asked for, or else the one that the values are of."""
    if asked not in (None, "", *INPUTS):
        raise RequestError(400, f"There is no signature {asked!r}, only {', '.join(INPUTS)}")
    if not asked:
        of_kind = CLASSIFY_TEXT if isinstance(values[0], str) else SERVING_DEFAULT
        return _SIGNATURES[name] if name else of_kind
    if name not in (None, INPUTS[asked]):
        raise RequestError(400, f"The input of {asked} is {INPUTS[asked]!r}, not {name!r}")
    return str(asked)


def _bytes(value: Any, signature: str, limits: Limits) -> bytes:
    if isinstance(value, dict) and set(value) == {_BINARY}:
        content = _decoded(value[_BINARY])
    elif not isinstance(value, str):
        raise RequestError(400, 'Each text is a string, or an object with "b64"')
    elif signature == SERVING_DEFAULT:
        hint = f'Examples are binary: {{"b64": ...}}. Of texts, the signature is {CLASSIFY_TEXT}'
        raise RequestError(400, hint)
    else:
        content = value.encode(errors="replace")  # halves of surrogate pairs are no text
    if len(content) > limits.max_text_bytes:
        size = f"{len(content):,} bytes, and {limits.max_text_bytes:,} are allowed"
        raise RequestError(413, f"A text has {size}")
    return content


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise RequestError(400, '"b64" has to be in Base64') from None


def written(outputs: "Outputs", by_row: bool) -> dict[str, Any]:
    """Returns the JSON object of an answer: `predictions` by row, else `outputs`.

    Args:
      outputs: What the signature gives: arrays `[texts, ...]`.
      by_row: As in `Query`.
    """
    columns = {name: _plain(values) for name, values in outputs.items()}
    if not by_row:
        return {"outputs": columns}
    rows = zip(*columns.values(), strict=True)
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in rows]}


def _plain(values: "npt.NDArray[Any]") -> Any:
    """Returns lists of strings and numbers; a float32 as its shortest digits, NaN as None."""
    if values.dtype == object:
        return _text(values.tolist())
    if values.dtype.kind == "f":
        shortest = values.astype(str).astype(float).astype(object)
        shortest[~np.isfinite(values)] = None
        return shortest.tolist()
    return values.tolist()


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(each) for each in value]
    return value.decode(errors="replace") if isinstance(value, bytes) else value
