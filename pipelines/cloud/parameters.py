"""What may be set when a compiled pipeline is submitted, rather than when it is compiled.

Kubeflow Pipelines puts the value of a pipeline's parameter wherever a task's constant names it as
`{{$.inputs.parameters['pipelinechannel--NAME']}}`; its own compiler writes formatted strings so.
The components take their options as JSON: an option is settable where its value in that JSON is
replaced by such a name. The components know nothing of it.
"""

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

from albert_tfx import flags
from albert_tfx.errors import InputError
from albert_tfx.options import COMPONENT_OPTIONS, decode

OUTPUT_ROOT = "output_root"

_CHANNEL = "pipelinechannel--"
_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['" + _CHANNEL + r"(\w+)'\]\}\}")
_PARAMETER_TYPES = {str: "STRING", int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE"}
_PYTHON_TYPES = {name: python_type for python_type, name in _PARAMETER_TYPES.items()}
# A value is put between the quotes of a JSON text as it is.
_UNQUOTABLE = re.compile(r"[\"\\\x00-\x1f]")


_SETTABLE = tuple(
    each
    for options in COMPONENT_OPTIONS
    for each in flags.declared(options)
    if each.flag.at_submission
)


def _is_in(each: flags.Declared, mapping: dict[str, Any]) -> bool:
    """Returns whether `mapping` is the encoded form of options that an option belongs to."""
    return _options_class(mapping) is each.options and each.model in (None, mapping.get("model"))


def placeholder(name: str) -> str:
    """Returns the placeholder, in a spec, for the value of the parameter `name`."""
    return "{{$.inputs.parameters['" + _CHANNEL + name + "']}}"


def make_settable(spec: dict[str, Any], output: str) -> None:
    """Makes options, and the output root, parameters of a compiled spec.

    The options are those whose `Flag` says `at_submission`.

    Args:
      spec: A pipeline spec, changed in place. What it says now becomes each parameter's default.
      output: The folder that the pipeline was compiled for: whatever lies below it will lie below
        the parameter `output_root`, which has no default.

    Raises:
      ValueError: Such an option is nowhere in the spec, or has two values in it.
    """
    defaults: dict[str, Any] = {}
    for constant in _constants(spec):
        text = _with_placeholders(constant["constant"], defaults)
        constant["constant"] = text.replace(output, placeholder(OUTPUT_ROOT))
    _bind(spec)
    _declare(spec, defaults)


def declared(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the parameters of a spec by name: `parameterType`, `description`, `defaultValue`."""
    parameters: dict[str, dict[str, Any]] = spec["root"]["inputDefinitions"]["parameters"]
    return parameters


def read_values(spec: dict[str, Any], given: list[str], output_root: str) -> dict[str, Any]:
    """Reads the values of a submission, and refuses what the components would refuse.

    Args:
      spec: A spec that `make_settable` changed.
      given: `NAME=VALUE` each.
      output_root: The value of the parameter of that name.

    Returns:
      Every parameter's value, of its own type: the one given, else its default.

    Raises:
      InputError: There is no such parameter, or the value is not of its type or out of bounds.
    """
    _refuse_unquotable(OUTPUT_ROOT, output_root)
    defaults = {
        name: _PYTHON_TYPES[definition["parameterType"]](definition["defaultValue"])
        for name, definition in declared(spec).items()
        if "defaultValue" in definition
    }
    values = {
        **defaults,
        **dict(_value(each, declared(spec)) for each in given),
        OUTPUT_ROOT: output_root,
    }
    inputs = {_CHANNEL + name: value for name, value in values.items()}
    for constant in _constants(spec):
        for mapping in _mappings(resolve(constant["constant"], inputs)):
            options = _options_class(mapping)
            if options:
                decode(options, mapping)
    return values


def resolve(text: str, inputs: dict[str, Any]) -> str:
    """Puts values in the place of their names, as a backend does before it starts a task.

    Args:
      text: A constant of a task.
      inputs: The task's inputs by name, `pipelinechannel--NAME` for a parameter of the pipeline.
    """
    return _PLACEHOLDER.sub(lambda match: _text(inputs[_CHANNEL + match[1]]), text)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _options_class(mapping: dict[str, Any]) -> type | None:
    """Returns the class of options that `mapping` is the encoded form of."""
    for options in COMPONENT_OPTIONS:
        if set(mapping) == {field.name for field in dataclasses.fields(options)}:
            return options
    return None


def _constants(spec: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yields each mapping whose `constant` is a text among the tasks' inputs."""
    for task in spec["root"]["dag"]["tasks"].values():
        for value in task.get("inputs", {}).get("parameters", {}).values():
            if isinstance(value.get("runtimeValue", {}).get("constant"), str):
                yield value["runtimeValue"]


def _parsed(text: str) -> Any:
    """Returns the list or mapping that `text` is the JSON of, or None."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Yields every mapping in a JSON value, whose texts may be JSON again."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value or ()
    for each in inner:
        if isinstance(each, str | dict | list):
            yield from _mappings(each)


def _with_placeholders(text: str, defaults: dict[str, Any]) -> str:
    """Returns the JSON `text` with placeholders for settable options; collects their values."""
    value = _parsed(text)
    changed = _replaced(value, defaults)
    if changed == value:
        return text
    template = json.dumps(changed)
    for name, default in defaults.items():
        if not isinstance(default, str):
            template = template.replace(f'"{placeholder(name)}"', placeholder(name))
    return template


def _replaced(value: Any, defaults: dict[str, Any]) -> Any:
    if isinstance(value, str):
        return _with_placeholders(value, defaults)
    if isinstance(value, list):
        return [_replaced(each, defaults) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _replaced(each, defaults) for key, each in value.items()}
    for each in _SETTABLE:
        if _is_in(each, value):
            _collect(each.flag.key, value[each.field.name], defaults)
            changed[each.field.name] = placeholder(each.flag.key)
    return changed


def _collect(name: str, value: Any, defaults: dict[str, Any]) -> None:
    if defaults.setdefault(name, value) != value:
        raise ValueError(f"the parameter {name} would be both {defaults[name]!r} and {value!r}")


def _bind(spec: dict[str, Any]) -> None:
    """Hands each task the parameters that its constants name."""
    for task in spec["root"]["dag"]["tasks"].values():
        inputs = task.get("inputs", {}).get("parameters", {})
        for name in sorted(set(_PLACEHOLDER.findall(json.dumps(inputs)))):
            inputs[_CHANNEL + name] = {"componentInputParameter": name}


def _declare(spec: dict[str, Any], defaults: dict[str, Any]) -> None:
    definitions: dict[str, Any] = {
        OUTPUT_ROOT: {
            "parameterType": "STRING",
            "description": "folder in a bucket that receives everything",
        }
    }
    for flag in dict.fromkeys(each.flag for each in _SETTABLE):
        if flag.key not in defaults:
            raise ValueError(f"{flag.key} is nowhere in the compiled pipeline")
        default = defaults[flag.key]
        definitions[flag.key] = {
            "parameterType": _PARAMETER_TYPES[type(default)],
            "defaultValue": default,
            "isOptional": True,
            "description": flag.help if flag.at_submission is True else flag.at_submission,
        }
    spec["root"]["inputDefinitions"] = {"parameters": definitions}


def _refuse_unquotable(name: str, text: str) -> None:
    if _UNQUOTABLE.search(text):
        raise InputError(f"{name} cannot be {text!r}", "Leave quotes and backslashes out")


def _value(given: str, known: dict[str, dict[str, Any]]) -> tuple[str, Any]:
    name, equals, text = given.partition("=")
    if not equals or name not in known or name == OUTPUT_ROOT:
        raise InputError(
            f"There is no parameter {name!r}" if equals else f"{given!r} is not NAME=VALUE",
            f"The pipeline takes {', '.join(sorted(set(known) - {OUTPUT_ROOT}))}",
        )
    wanted = _PYTHON_TYPES[known[name]["parameterType"]]
    _refuse_unquotable(name, text)
    if not text:
        raise InputError(f"The parameter {name} is empty", "Give a value, or leave it out")
    try:
        return name, wanted(text)
    except ValueError as error:
        raise InputError(
            f"{name} cannot be {text!r}", f"Give a value of type {wanted.__name__}"
        ) from error
