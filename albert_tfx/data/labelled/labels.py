"""Spellings of labels: which are one class, and which only look so."""

import collections
import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from albert_tfx.errors import InputError
from albert_tfx.options import FileOptions
from albert_tfx.printable import is_invisible, visible

LEAST_ROWS = 10
_NUMBER = re.compile(r"([+-]?)(0|[1-9]\d*)(?:\.(\d*))?", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,300}")
_SHOWN, _SHOWN_LETTERS = 5, 60


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes that labels are.

    Attributes:
      names: The classes in order, whole numbers by their value.
      of_label: The index of each label's class; a label whose rows are left out is not in it.
      remarks: What to tell the user of how labels became classes.
    """

    names: list[str]
    of_label: Mapping[str, int]
    remarks: tuple[str, ...]


def tidy(label: str) -> str:
    """Returns a label without spaces at its ends, and with single ones between its words."""
    return " ".join(label.split())


def classes_of(rows: Mapping[str, int], options: FileOptions) -> Classes:
    """Returns the classes of labels.

    Args:
      rows: How many rows have each label.
      options: What is asked: which labels to join or to leave out.

    Raises:
      InputError: All rows would be left out.
    """
    numbers, spelled = _joined(rows, _value)
    alike, groups = _joined(_counted(rows, numbers), appearance)
    remarks = [f"labels of one value are one class: {_listed(spelled)}"] if spelled else []
    if groups and options.merge_labels:
        remarks.append(f"labels joined: {_listed(groups)}")
    elif groups:
        alike = {}
        remarks.append(
            f"labels that look alike are classes of their own: {_listed(groups)}. "
            "--merge-labels joins them"
        )
    names = {label: alike.get(number, number) for label, number in numbers.items()}
    rare = _rare(_counted(rows, names), options)
    if rare:
        became = f"made {options.rare_label!r}" if options.rare_label else "left out"
        remarks.append(
            f"labels of fewer than {options.min_rows_per_class} rows, {became}: "
            + _some(f"{shown(name)} ({count:,})" for name, count in sorted(rare.items()))
        )
    kept = {
        label: options.rare_label if name in rare else name
        for label, name in names.items()
        if name not in rare or options.rare_label
    }
    order = _in_order(set(filter(None, kept.values())))
    places = {name: index for index, name in enumerate(order)}
    return Classes(
        order, {label: places[name] for label, name in kept.items() if name}, tuple(remarks)
    )


def appearance(label: str) -> str:
    r"""Returns what labels have in common that look alike, or nearly.

    >>> appearance("High\u200b") == appearance("HIGH")
    True
    """
    return unicodedata.normalize("NFKC", visible(label).casefold())


def shown(label: str) -> str:
    """Returns a label in quotes, cut if it is long; with escapes for what no reader would see."""
    if len(label) > _SHOWN_LETTERS:
        label = f"{label[:_SHOWN_LETTERS]}…"
    plain = unicodedata.normalize("NFC", label) == label and not any(map(is_invisible, label))
    return repr(label) if plain else ascii(label)


def _value(label: str) -> str:
    """Returns a number without the zeros that do not change it, any other label as it is."""
    number = _NUMBER.fullmatch(label)
    if number is None:
        return label
    sign, whole, part = number.groups("")
    value = f"{whole}.{part}".rstrip("0").removesuffix(".") if part else whole
    return f"-{value}" if sign == "-" and value != "0" else value


def _joined(
    rows: Mapping[str, int], key: Callable[[str], str]
) -> tuple[dict[str, str], list[dict[str, int]]]:
    """Returns the most frequent label of each that has the same key, and those that are several."""
    groups: dict[str, dict[str, int]] = collections.defaultdict(dict)
    for label, count in sorted(rows.items()):
        groups[key(label)][label] = count
    names = {}
    for group in groups.values():
        name = min(group, key=lambda label: (-group[label], len(label), label))
        names.update(dict.fromkeys(group, name))
    return names, [group for group in groups.values() if len(group) > 1]


def _counted(rows: Mapping[str, int], names: Mapping[str, str]) -> dict[str, int]:
    counts: collections.Counter[str] = collections.Counter()
    for label, name in names.items():
        counts[name] += rows[label]
    return dict(counts)


def _rare(rows: Mapping[str, int], options: FileOptions) -> dict[str, int]:
    least = options.min_rows_per_class or 0
    rare = {name: count for name, count in rows.items() if count < least}
    if rare and len(rare) == len(rows) and not options.rare_label:
        raise InputError(
            f"No label has {least} rows or more; the most frequent has {max(rows.values()):,}",
            "Give fewer with --min-rows-per-class",
        )
    return rare


def _in_order(labels: Iterable[str]) -> list[str]:
    """Returns labels in order, whole numbers by their value."""
    names = sorted(labels)
    whole = all(_WHOLE.fullmatch(name) for name in names)
    return sorted(names, key=int) if whole else names


def _listed(groups: Iterable[Mapping[str, int]]) -> str:
    return _some(
        " and ".join(f"{shown(label)} ({count:,})" for label, count in group.items())
        for group in groups
    )


def _some(parts: Iterable[str]) -> str:
    listed = list(parts)
    more = f"; and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return "; ".join(listed[:_SHOWN]) + more
