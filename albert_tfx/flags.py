"""An option declared once: a dataclass field that names its flag, its help and its bounds.

`option` makes such a field. From these fields the command line makes its flags, a request the
options of each component, and a compiled pipeline its parameters.

>>> @dataclasses.dataclass(frozen=True)
... class Size:
...     units: int = option(64, Flag("--units", "the model", "width", "N"), bounds=at_least(1))
>>> [declared.flag.name for declared in declared(Size)]
['--units']
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

from albert_tfx.contract import FINE_TUNED, FROZEN
from albert_tfx.errors import InputError

_BOUNDS, _CALLED, _FLAGS = "bounds", "called", "flags"


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Which values an option may have.

    Attributes:
      hold: Returns whether they hold for a value.
      remedy: What to give instead of one for which they do not.
      choices: The values, where they can be listed.
    """

    hold: Callable[[Any], bool]
    remedy: str
    choices: tuple[str, ...] | None = None


def one_of(choices: tuple[str, ...]) -> Bounds:
    """Returns bounds that only `choices` keep."""
    return Bounds(lambda value: value in choices, f"Give one of {', '.join(choices)}", choices)


def at_least(least: int) -> Bounds:
    """Returns bounds for a number."""
    return Bounds(lambda value: value >= least, f"Give at least {least}")


@dataclasses.dataclass(frozen=True)
class Flag:
    """How the command line takes an option.

    Attributes:
      name: `--learning-rate`; without dashes, that of a positional argument.
      group: Title of the group that `--help` lists it in.
      help: Its use, in a few words.
      metavar: What `--help` writes for its value.
      default: Its default in words; where empty, `--help` gives the values of presets and recipes.
      at_submission: Whether a compiled pipeline has a parameter `learning_rate`; a text describes
        it there in place of `help`.
      convert: Makes the option's value of the text; None to go by the field's type.
      local: Whether it concerns runs on this machine only.
      required: Whether it must be given.
    """

    name: str
    group: str
    help: str
    metavar: str | None = None
    default: str = ""
    at_submission: bool | str = False
    convert: Callable[[str], Any] | None = None
    local: bool = False
    required: bool = False

    @property
    def key(self) -> str:
        """What the option is called in a request, and as a parameter."""
        return self.name.lstrip("-").replace("-", "_")


@dataclasses.dataclass(frozen=True)
class Declared:
    """A flag and where its value goes.

    Attributes:
      flag: The flag.
      options: The dataclass that the option belongs to.
      field: The field that it sets.
      model: The Trainer whose options it sets, or None for all.
    """

    flag: Flag
    options: type
    field: dataclasses.Field[Any]
    model: str | None

    @property
    def bounds(self) -> Bounds | None:
        """The option's bounds."""
        bounds: Bounds | None = self.field.metadata[_BOUNDS]
        return bounds


def option(
    default: Any = dataclasses.MISSING,
    flag: Flag | None = None,
    *,
    frozen: Flag | None = None,
    fine_tuned: Flag | None = None,
    bounds: Bounds | None = None,
    called: str | None = None,
    factory: Any = dataclasses.MISSING,
) -> Any:
    """Returns a dataclass field that is an option.

    Args:
      default: Its default.
      flag: The flag that sets it.
      frozen: Of a Trainer's option, the flag that sets it for the frozen model only.
      fine_tuned: The same for the fine-tuned model.
      bounds: Which values it may have.
      called: What an error calls it, with the names of fields in braces for their values; None for
        the field's name.
      factory: Gives its default, in place of `default`.
    """
    by_model = ((None, flag), (FROZEN, frozen), (FINE_TUNED, fine_tuned))
    flags = tuple((model, each) for model, each in by_model if each is not None)
    metadata = {_FLAGS: flags, _BOUNDS: bounds, _CALLED: called}
    return dataclasses.field(default=default, default_factory=factory, metadata=metadata)


def optional(
    name: str, group: str, use: str, metavar: str, default: str = "none", **more: Any
) -> Any:
    """Returns a dataclass field that is None where its flag is not given; see `Flag`."""
    return option(None, Flag(name, group, use, metavar, default, **more))


def switch(name: str, group: str, use: str, default: str) -> Any:
    """Returns a dataclass field that is true where its flag is given; see `Flag`."""
    return option(False, Flag(name, group, use, None, default))


def declared(options: type) -> Iterator[Declared]:
    """Yields the flags of a dataclass of options, in the order of its fields."""
    for field in dataclasses.fields(options):
        for model, flag in field.metadata.get(_FLAGS, ()):
            yield Declared(flag, options, field, model)


def check(options: Any) -> None:
    """Refuses a dataclass of options with a value that is out of its bounds, or not finite.

    Raises:
      InputError: There is such a value.
    """
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        bounds = field.metadata.get(_BOUNDS)
        if bounds is not None and value is not None and not bounds.hold(value):
            called = (field.metadata[_CALLED] or field.name).format_map(vars(options))
            raise InputError(f"{called} cannot be {value!r}", bounds.remedy)
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{field.name} cannot be {value!r}", "Give a finite number")
