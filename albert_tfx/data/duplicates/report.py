"""What DuplicateFinder reports: counts, lengths and a few pairs, as files."""

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from etils import epath

from albert_tfx.contract import DUPLICATES_FILE, EVAL, SIZES_FILE, TEST, TRAIN
from albert_tfx.data.duplicates import similarity as text_similarity
from albert_tfx.data.duplicates.blocks import decoded, records_in
from albert_tfx.data.duplicates.findings import EXACT, KINDS, NEAR, Duplicate, Finding
from albert_tfx.data.duplicates.places import SPLITS, File, file_of, row_of
from albert_tfx.data.lengths import ReviewLengths
from albert_tfx.errors import InputError
from albert_tfx.storage import read_json, write_json

KEPT = "kept"

Fate = tuple[str, int, str]  # split, label, and EXACT, NEAR or KEPT

_EXCERPT_CHARACTERS = 100


@dataclasses.dataclass(frozen=True)
class SplitSizes:
    """How many reviews each split has once the duplicates are taken out, and how long they are.

    Attributes:
      examples: The number of reviews, by split.
      words: Their lengths, by split; a split without reviews is left out.
    """

    examples: Mapping[str, int]
    words: Mapping[str, ReviewLengths]

    @classmethod
    def load(cls, uri: str) -> "SplitSizes":
        """Reads what DuplicateFinder counted, from the folder of its `report`."""
        content = read_json(epath.Path(uri) / SIZES_FILE)
        words = {split: ReviewLengths(**each) for split, each in content["words"].items()}
        return cls(content["examples"], words)


def load_duplicates(uri: str) -> Any:
    """Reads what DuplicateFinder found.

    Args:
      uri: Folder of its `report`.

    Returns:
      A mapping of

      * `exact`, `near`: `[split][other split]` → reviews of the split that repeat a review of the
        other, or an earlier one of their own. The splits are ordered test, eval, train, and a
        pair of them counts for the later. Of equal texts only the first is compared for near ones;
      * `contradicting`: the same of those in `exact` whose label is not the other's;
      * `contained`: `[split][other split]` → reviews of the split that lie whole within one of
        the other. They are counted only;
      * `removed`: `[split][exact or near]` → reviews taken out, for either reason but not for both;
      * `reviews`: `[split][label][kept, exact or near]` → what became of all reviews;
      * `keep`: whether duplicates were only counted, and all were kept;
      * `pairs`: a few of each kind and pair of splits, with `similarity` and how both begin;
      * `near_similarity`, `shingle_words`: see `similarity`.
    """
    return read_json(epath.Path(uri) / DUPLICATES_FILE)


def refuse_lost_classes(found: Mapping[str, Any]) -> None:
    """Refuses splits that lost a class with their duplicates.

    Args:
      found: What `load_duplicates` returned.

    Raises:
      InputError: A split has no review of a class left.
    """
    for split, labels in found["reviews"].items():
        for label, fates in labels.items():
            if not fates[KEPT]:
                raise InputError(
                    f"Every text of class number {label}, counted from 0, in the {split} split "
                    f"repeats another ({sum(fates.values()):,} in all), so that none is left",
                    "Give splits that share fewer texts, or keep all with --keep-duplicates",
                )


def write_report(
    uri: str,
    keep: bool,
    paths: Mapping[File, str],
    findings: Mapping[Finding, int],
    counts: Mapping[tuple[Fate, int], int],
    shown: Mapping[Finding, list[Duplicate]],
) -> None:
    """Writes what `load_duplicates` and `SplitSizes.load` read.

    Args:
      uri: The folder.
      keep: Whether duplicates are only counted.
      paths: Where each file lies.
      findings: The number of texts by finding.
      counts: The number of texts by `Fate` and number of words.
      shown: A few duplicates by finding.
    """
    folder = epath.Path(uri)
    pairs = [each for _, found in sorted(shown.items()) for each in sorted(found)]
    excerpts = _excerpts((place for each in pairs for place in (each.text, each.original)), paths)
    content = {
        **_by_splits(findings),
        "removed": _removed(counts),
        "reviews": _reviews(counts),
        "keep": keep,
        "near_similarity": text_similarity.NEAR,
        "shingle_words": text_similarity.SHINGLE_WORDS,
        "pairs": [_pair(each, paths, excerpts) for each in pairs],
    }
    write_json(folder / DUPLICATES_FILE, content)
    write_json(folder / SIZES_FILE, dataclasses.asdict(_sizes(counts)))


def _by_splits(findings: Mapping[Finding, int]) -> dict[str, dict[str, dict[str, int]]]:
    counts: dict[str, dict[str, dict[str, int]]] = {kind: {} for kind in KINDS}
    for (kind, split, other), count in sorted(findings.items()):
        counts[kind].setdefault(split, {})[other] = count
    return counts


def _removed(counts: Mapping[tuple[Fate, int], int]) -> dict[str, dict[str, int]]:
    removed = {split: {EXACT: 0, NEAR: 0} for (split, _, _), _ in sorted(counts)}
    for ((split, _, fate), _), count in counts.items():
        if fate != KEPT:
            removed[split][fate] += count
    return removed


def _reviews(counts: Mapping[tuple[Fate, int], int]) -> dict[str, dict[str, dict[str, int]]]:
    reviews: dict[str, dict[str, dict[str, int]]] = collections.defaultdict(dict)
    for ((split, label, fate), _), count in sorted(counts.items()):
        fates = reviews[split].setdefault(str(label), {KEPT: 0, EXACT: 0, NEAR: 0})
        fates[fate] += count
    return dict(reviews)


def _sizes(counts: Mapping[tuple[Fate, int], int]) -> SplitSizes:
    kept: dict[str, dict[int, int]] = {split: {} for split in (TRAIN, EVAL, TEST)}
    for ((split, _, fate), words), count in counts.items():
        if fate == KEPT:
            kept[split][words] = kept[split].get(words, 0) + count
    return SplitSizes(
        {split: sum(by_words.values()) for split, by_words in kept.items()},
        {split: ReviewLengths.of(by_words) for split, by_words in kept.items() if by_words},
    )


def _pair(
    duplicate: Duplicate, paths: Mapping[File, str], excerpts: Mapping[int, str]
) -> dict[str, Any]:
    return {
        "kind": duplicate.kind,
        "similarity": round(duplicate.similarity, 3),
        "review": _place(duplicate.text, paths, excerpts),
        "original": _place(duplicate.original, paths, excerpts),
    }


def _place(place: int, paths: Mapping[File, str], excerpts: Mapping[int, str]) -> dict[str, Any]:
    file = file_of(place)
    return {
        "split": SPLITS[file[0]],
        "file": epath.Path(paths[file]).name,
        "row": row_of(place),
        "text": excerpts[place],
    }


def _excerpts(places: Iterable[int], paths: Mapping[File, str]) -> dict[int, str]:
    """Returns how the texts at some places begin."""
    excerpts = {}
    for file, wanted in itertools.groupby(sorted(set(places)), file_of):
        records = enumerate(records_in(paths[file]))
        for place in wanted:
            record = next(record for row, record in records if row == row_of(place))
            excerpts[place] = _excerpt(decoded(record)[0])
    return excerpts


def _excerpt(text: str) -> str:
    return " ".join(text[: 2 * _EXCERPT_CHARACTERS].split())[:_EXCERPT_CHARACTERS]
