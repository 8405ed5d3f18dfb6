"""What a `tokenizer.json` asks for beside its vocabulary, held against what the graphs do.

The layout: https://huggingface.co/docs/tokenizers/api/models, with normalizers, pre-tokenizers and
post-processors beside it. A part that the file does not name is taken for that of the tokenizer's
kind; `null` is none.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

_SPACE_PIECE = "▁"
_METASPACE: Mapping[str, object] = {
    "replacement": _SPACE_PIECE,
    "prepend_scheme": "always",
    "add_prefix_space": True,
    "str_rep": _SPACE_PIECE,
}
# Steps that SentencePiece takes, or that change nothing before it.
_XLM_STEPS = ("Precompiled", "Strip", "Nmt", "NFKC")
_ALBERT_STEPS = (*_XLM_STEPS, "NFKD", "StripAccents", "Lowercase")
_QUOTES = ("``", "''")


class DifferenceError(ValueError):
    """A `tokenizer.json` asks for what the graphs do not do."""


def check_word_piece(values: Mapping[str, Any], special: Mapping[str, str]) -> Mapping[str, Any]:
    """Checks that a file cuts texts as BERT does.

    Args:
      values: The file's content.
      special: The text of each special token by its key.

    Returns:
      Its normalizer.

    Raises:
      DifferenceError: It does not.
      TypeError: A part is of another type.
    """
    normalizer, splitter = _part(values, "normalizer"), _part(values, "pre_tokenizer")
    kinds = (normalizer.get("type"), splitter.get("type"))
    if kinds != ("BertNormalizer", "BertPreTokenizer"):
        raise DifferenceError(
            f"it normalises by {kinds[0]} and splits by {kinds[1]}, not as BERT does"
        )
    _check(normalizer, clean_text=True)
    for name in ("lowercase", "strip_accents", "handle_chinese_chars"):
        if not isinstance(normalizer.get(name), bool | None):
            raise DifferenceError(f"its {name} is {normalizer[name]!r}")
    _check(
        values["model"],
        continuing_subword_prefix="##",
        max_input_chars_per_word=100,
        unk_token=special["unk_token"],
    )
    _check_ends(values, special)
    return normalizer


def check_byte_level(values: Mapping[str, Any], special: Mapping[str, str]) -> bool:
    """Checks that a file cuts texts as RoBERTa does.

    Args:
      values: The file's content.
      special: The text of each special token by its key.

    Returns:
      Whether it puts a space before a text.

    Raises:
      DifferenceError: It does not cut them so.
      TypeError: A part is of another type.
    """
    _check(values, normalizer=None)
    splitter = _part(values, "pre_tokenizer")
    if "pre_tokenizer" in values and splitter.get("type") != "ByteLevel":
        raise DifferenceError(f"it splits by {splitter.get('type')}, not as RoBERTa does")
    _check(splitter, use_regex=True)
    for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if values["model"].get(name):
            raise DifferenceError(f"its {name} is {values['model'][name]!r}")
    _check(values["model"], byte_fallback=False, ignore_merges=False)
    _check_ends(values, special)
    adds_space = splitter.get("add_prefix_space", False)
    if not isinstance(adds_space, bool):
        raise DifferenceError(f"its add_prefix_space is {adds_space!r}")
    return adds_space


def check_unigram(
    values: Mapping[str, Any], special: Mapping[str, str], is_albert: bool
) -> frozenset[str] | None:
    """Checks that a file cuts texts as ALBERT's or XLM-RoBERTa's SentencePiece does.

    Args:
      values: The file's content.
      special: The text of each special token by its key.
      is_albert: Whether it is ALBERT's.

    Returns:
      The kinds of its normalizer's steps, None where it has no normalizer.

    Raises:
      DifferenceError: It does not cut them so.
      TypeError: A part is of another type.
    """
    _check(values["model"], byte_fallback=False)
    steps = _steps(_part(values, "normalizer"), "normalizers")
    for step in steps:
        _check_step(step, is_albert)
    kinds = {step["type"] for step in steps}
    if "StripAccents" in kinds and "NFKD" not in kinds:
        raise DifferenceError("it strips accents without NFKD before")
    if "pre_tokenizer" in values:
        _check_metaspace(_part(values, "pre_tokenizer"))
    _check_ends(values, special)
    return frozenset(kinds) if steps else None


def charsmap(values: Mapping[str, Any]) -> bytes:
    """Returns SentencePiece's own normalisation, empty where the file has none.

    Raises:
      DifferenceError: It is damaged.
    """
    steps = _steps(_part(values, "normalizer"), "normalizers")
    found = [step["precompiled_charsmap"] for step in steps if step.get("type") == "Precompiled"]
    try:
        return base64.b64decode(found[0], validate=True) if found else b""
    except binascii.Error as error:
        raise DifferenceError("its precompiled_charsmap is damaged") from error


def _part(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = values.get(name)
    if not isinstance(part, dict | None):
        raise TypeError(f"{name} is a {type(part).__name__}")
    return part or {}


def _check(part: Mapping[str, Any], **expected: object) -> None:
    """Raises where a part has another value than expected; a missing one is as expected."""
    for name, value in expected.items():
        found = part.get(name, value)
        if found != value or type(found) is not type(value):
            kind = found.get("type") if isinstance(found, dict) else repr(found)
            supported = (
                "where there has to be none" if value is None else f"and only {value!r} fits"
            )
            raise DifferenceError(f"its {name} is {kind}, {supported}")


def _steps(part: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Returns the steps of a sequence, or the part itself where it is none."""
    if part.get("type") != "Sequence":
        return [part] if part else []
    return [inner for step in part[name] for inner in _steps(step, name)]


def _check_step(step: Mapping[str, Any], is_albert: bool) -> None:
    kind = step.get("type")
    if kind == "Replace":
        (pattern,) = step["pattern"].values()
        is_space = pattern.startswith(" ") and step["content"] in (" ", _SPACE_PIECE)
        if is_space or (is_albert and pattern in _QUOTES and step["content"] == '"'):
            return
        raise DifferenceError(f"it replaces {pattern!r}")
    if kind not in (_ALBERT_STEPS if is_albert else _XLM_STEPS):
        raise DifferenceError(f"it normalises by {kind}, which is not supported here")


def _check_metaspace(splitter: Mapping[str, Any]) -> None:
    steps = _steps(splitter, "pretokenizers")
    kinds = [step.get("type") for step in steps]
    if kinds not in (["Metaspace"], ["WhitespaceSplit", "Metaspace"]):
        names = ", ".join(map(str, kinds)) or None
        raise DifferenceError(f"it splits by {names}, not as SentencePiece does")
    _check(steps[-1], **_METASPACE)


def _check_ends(values: Mapping[str, Any], special: Mapping[str, str]) -> None:
    """Raises where the tokens put around a text are not one `cls_token` and one `sep_token`."""
    if "post_processor" not in values:
        return
    ends = [_ends(step) for step in _steps(_part(values, "post_processor"), "processors")]
    if [each for each in ends if each] != [(special["cls_token"], "", special["sep_token"])]:
        raise DifferenceError(
            "its post_processor does not put a text between cls_token and sep_token"
        )


def _ends(step: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns what a post-processor makes of a text, which is the empty string."""
    if step.get("type") in ("BertProcessing", "RobertaProcessing"):
        return step["cls"][0], "", step["sep"][0]
    if step.get("type") == "TemplateProcessing":
        parts = [part for each in step["single"] for part in each.items()]
        return tuple("" if kind == "Sequence" else value["id"] for kind, value in parts)
    return ()
