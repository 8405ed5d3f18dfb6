"""The command line: flags, made of dataclasses of options, and a parser that explains itself."""

import argparse
import itertools
import re
import shutil
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from albert_tfx.errors import InputError, did_you_mean
from albert_tfx.flags import Declared, declared
from albert_tfx.options import COMPONENT_OPTIONS, FileOptions, OptionsT
from pipelines import request
from pipelines.presets import PRESETS, RECIPES

# Of the documents, which write names that only the user knows in capitals.
_BUCKET = re.compile(r"gs://([A-Z][A-Z_]*)(?=/|$)")
_IMAGE = re.compile(r"(?:^|/)([A-Z][A-Z_]*)(?=[/:@]|$)")

_HELP_ALL = "--help-all"


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `InputError`, and guesses what a misspelt option meant."""

    def __init__(
        self,
        elsewhere: Callable[[], Mapping[str, str]] = dict[str, str],
        first: Sequence[str] = (),
        **options: Any,
    ) -> None:
        """Constructs it.

        Args:
          elsewhere: Returns the options of other commands, each with the command that has it.
          first: The options that `--help` explains, and `--help-all` the others as well; none to
            have no `--help-all`.
          **options: Those of the base class.
        """
        self._elsewhere = elsewhere
        self._first = first
        super().__init__(allow_abbrev=False, formatter_class=_HelpFormatter, **options)
        if first:
            self.add_argument(
                _HELP_ALL,
                action=_HelpAll,
                nargs=0,
                default=argparse.SUPPRESS,
                help="explain every option, and exit",
            )

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Parses `args`; see the base class.

        Raises:
          InputError: An option is unknown, or its value is not of its type.
        """
        args = sys.argv[1:] if args is None else [*args]
        self._refuse_those_elsewhere(itertools.takewhile(lambda each: each != "--", args))
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            raise self._unknown(unknown[0])
        return namespace, unknown

    def print_help(self, file: Any = None) -> None:
        """Prints the help; argparse itself takes no notice where it cannot be written."""
        (file or sys.stdout).write(self._format_first() if self._first else self.format_help())

    def _format_first(self) -> str:
        """Returns the help on the options that come first."""
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        formatter.start_section("what to know first")
        formatter.add_arguments([self._option_string_actions[name] for name in self._first])
        formatter.end_section()
        others = len(self.names()) - len(self._first) - 2
        formatter.add_text(f"{_HELP_ALL} explains these and {others} others.")
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def names(self) -> list[str]:
        """Returns the names of its options."""
        return [name for name in self._option_string_actions if name.startswith("--")]

    def error(self, message: str) -> NoReturn:
        """Raises `message` as an `InputError`."""
        raise InputError(message, f"{self.prog} {self._whole_help} explains every option")

    @property
    def _whole_help(self) -> str:
        return _HELP_ALL if self._first else "--help"

    def _refuse_those_elsewhere(self, args: Iterable[str]) -> None:
        names = (each.partition("=")[0] for each in args if each.startswith("--"))
        for name in names:
            if name not in self._option_string_actions and name in self._elsewhere():
                command = self._elsewhere()[name]
                raise InputError(f"there is no option {name!r} here", f"It is one of {command}")

    def _unknown(self, given: str) -> InputError:
        name = given.partition("=")[0]
        guess = did_you_mean(
            name, self.names(), f"{self.prog} {self._whole_help} lists every option"
        )
        return InputError(f"there is no option {given!r}", guess)


class _HelpAll(argparse.Action):
    """Prints the whole help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        sys.stdout.write(parser.format_help())
        parser.exit()


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(
            prog, max_help_position=32, width=min(shutil.get_terminal_size().columns, 100)
        )


def add_options(parser: argparse.ArgumentParser, local: bool = True) -> None:
    """Adds the options of a run.

    Args:
      parser: What to add them to.
      local: Whether the run is on this machine; if not, those that name its files are left out.
    """
    every = [
        each
        for options in (request.Request, FileOptions, *COMPONENT_OPTIONS)
        for each in declared(options)
    ]
    _add(
        parser,
        sorted(
            (each for each in every if local or not each.flag.local),
            key=lambda each: request.GROUPS.index(each.flag.group),
        ),
    )


def local_options(every: bool = False) -> dict[str, str]:
    """Returns the options of a run on this machine, each with the command that has it.

    Args:
      every: Whether those count that a compiled pipeline has as well.
    """
    classes = (request.Request, FileOptions, *COMPONENT_OPTIONS)
    found = [each for options in classes for each in declared(options)]
    return {each.flag.name: "local_runner.py" for each in found if every or each.flag.local}


def add_flags(parser: argparse.ArgumentParser, *options: type) -> None:
    """Adds the flags of dataclasses of options."""
    _add(parser, [each for options_class in options for each in declared(options_class)])


def read_request(arguments: argparse.Namespace, command: str = "") -> request.Request:
    """Returns what the options of a run ask for.

    Args:
      arguments: What a parser made that `add_options` added to.
      command: What started the run.

    Raises:
      InputError: An option is out of its bounds, or does not go with another.
    """
    return request.make(_given(arguments), command)


def read(options_class: type[OptionsT], arguments: argparse.Namespace) -> OptionsT:
    """Returns the options of a dataclass whose flags `add_flags` added."""
    given = _given(arguments)
    keys = {each.field.name: each.flag.key for each in declared(options_class)}
    return options_class(**{name: given[key] for name, key in keys.items() if key in given})


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in vars(arguments).items()
        if value is not None
    }
    refuse_empty(given)
    for key, value in given.items():
        for each in value if isinstance(value, tuple) else (value,):
            _refuse_placeholder(f"--{key.replace('_', '-')}", each)
    return given


def refuse_empty(given: Mapping[str, Any]) -> None:
    """Refuses an option without a value, as a variable that is not set gives it.

    Raises:
      InputError: There is one.
    """
    for key, value in given.items():
        if value == "" or (isinstance(value, tuple | list) and "" in value):
            raise InputError(
                f"--{key.replace('_', '-')} is empty", "Give a value, or leave the option out"
            )


def _refuse_placeholder(option: str, value: Any) -> None:
    """Refuses what the documents write for a name that only the user knows.

    Raises:
      InputError: It is there, in an address of a bucket or an image.
    """
    path = value if isinstance(value, str) else ""
    if bucket := _BUCKET.search(path):
        raise InputError(
            f"{option} {path!r} has {bucket[1]} where the name of your bucket belongs",
            "Put it there; `gcloud storage buckets list` shows those that you have",
        )
    image = _IMAGE.search(path) if option.endswith("image") else None
    if image:
        raise InputError(
            f"{option} {path!r} has {image[1]} where a name of your own belongs",
            "Give the image as it is tagged, such as albert-tfx or registry.example/albert-tfx:1",
        )


def _add(parser: argparse.ArgumentParser, flags: Iterable[Declared]) -> None:
    groups: dict[str, argparse._ActionsContainer] = {}
    seen = set()
    for each in flags:
        name, group = each.flag.name, each.flag.group
        if name in seen:
            continue
        seen.add(name)
        if not name.startswith("-"):
            parser.add_argument(name, help=each.flag.help, metavar=each.flag.metavar)
            continue
        if group not in groups:
            groups[group] = parser.add_argument_group(group)
        text = f"{each.flag.help} (default: {_default(each)})".replace("%", "%%")
        groups[group].add_argument(name, help=text, **_kind(each))


def _kind(each: Declared) -> dict[str, Any]:
    """Returns what argparse needs to know of a flag; of one that is not given it makes None."""
    python_type = each.field.type
    if isinstance(python_type, types.UnionType):
        python_type = typing.get_args(python_type)[0]
    if python_type is bool:
        return {"action": "store_true", "default": None}
    kind = {"metavar": each.flag.metavar, "required": each.flag.required}
    if typing.get_origin(python_type) is tuple:
        return {"action": "append", **kind}
    choices = each.bounds.choices if each.bounds else None
    return {"type": each.flag.convert or python_type, "choices": choices, **kind}


def _default(each: Declared) -> str:
    """Returns a flag's default in words: of presets, or of recipes, where it depends on them."""
    if each.flag.default:
        return each.flag.default
    if each.model is None:
        values = {name: preset.options.get(each.flag.key) for name, preset in PRESETS.items()}
    else:
        values = {name: r.of(each.model).get(each.field.name) for name, r in RECIPES.items()}
    words = {
        name: _in_words(each.field.default if value is None else value)
        for name, value in values.items()
    }
    first, *others = words.values()
    if all(other == first for other in others):
        return first
    return "; ".join(f"{name}: {value}" for name, value in words.items())


def _in_words(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
