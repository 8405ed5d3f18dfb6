"""The curated schema of the reviews, and the same for other classes than its own two.

Imports neither TensorFlow nor TFX, so that a runner can check a schema at once.
"""

import csv
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from albert_tfx import contract
from albert_tfx.errors import InputError
from albert_tfx.storage import write_bytes

CURATED = Path(__file__).with_suffix(".pbtxt")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)


def load(path: str | Path) -> schema_pb2.Schema:
    """Reads a schema text proto.

    Raises:
      InputError: There is no such file, or it is not a schema.
    """
    remedy = f"Give a TensorFlow Metadata schema text proto, such as {CURATED.name}"
    try:
        return text_format.Parse(Path(path).read_text(encoding="utf-8"), schema_pb2.Schema())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Schema {str(path)!r} cannot be read: {error}", remedy) from error
    except text_format.ParseError as error:
        raise InputError(
            f"Schema {str(path)!r} is malformed: {str(error).rstrip('.')}", remedy
        ) from error


def class_names(schema: schema_pb2.Schema) -> tuple[str, ...]:
    """Returns the class names in the order of their indices: the tags of the label feature.

    Raises:
      InputError: The label feature is missing, or has not one tag for each of its values.
    """
    domain = _label(schema).int_domain
    names = tuple(_label(schema).annotation.tag)
    if len(names) < 2 or (domain.min, domain.max) != (0, len(names) - 1):
        raise InputError(
            f"The schema's feature {contract.LABEL!r} has the tags {list(names)} for the values "
            f"{domain.min} to {domain.max}",
            "Give it `int_domain` from 0, and for each value one tag in its `annotation`",
        )
    return names


def display_order(names: Sequence[str], wanted: str | None = None) -> list[str]:
    """Returns classes in the order in which tables and figures show them; their indices stay.

    Args:
      names: The classes, in the order of their indices.
      wanted: As `ReportOptions.class_order` has it: some of them, as a row of CSV, which come
        first. The others follow, by value where all classes are numbers.

    Raises:
      InputError: `wanted` names something else, or a class twice.

    >>> display_order(["0.5", "10", "9"]), display_order(["high", "low", "mid"], "low,mid")
    (['0.5', '9', '10'], ['low', 'mid', 'high'])
    """
    first = [each.strip() for row in csv.reader([wanted or ""]) for each in row]
    for each in first:
        if each not in names or first.count(each) > 1:
            raise InputError(
                f"--class-order names {each!r} {'twice' if each in names else 'and no such class'}",
                f"Give some of {', '.join(names)}, each once; one with a comma in quotes",
            )
    are_numbers = all(map(_NUMBER.fullmatch, names))
    others = [each for each in names if each not in first]
    return [*first, *(sorted(others, key=float) if are_numbers else others)]


def for_classes(names: Sequence[str]) -> schema_pb2.Schema:
    """Returns the curated schema with a label feature of the classes `names`."""
    schema = load(CURATED)
    label = _label(schema)
    label.int_domain.max = len(names) - 1
    label.annotation.tag[:] = names
    return schema


def as_text(schema: schema_pb2.Schema) -> str:
    """Returns a schema as a text proto."""
    text: str = text_format.MessageToString(schema)
    return text


def write(schema: schema_pb2.Schema, folder: str | Path) -> Path:
    """Writes `schema` into `folder` and returns its path.

    The name carries a hash of the content: TFX's ImportSchemaGen looks for its cache by the path
    alone, and would take a changed file under the same name for the old one.
    """
    content = as_text(schema).encode()
    path = Path(folder) / f"schema-{hashlib.sha256(content).hexdigest()[:16]}.pbtxt"
    write_bytes(path, content)
    return path


def _label(schema: schema_pb2.Schema) -> schema_pb2.Feature:
    for feature in schema.feature:
        if feature.name == contract.LABEL:
            return feature
    raise InputError(
        f"The schema has no feature {contract.LABEL!r}",
        f"Add it, as {CURATED.name} has it",
    )
