"""What a run would learn from, in lines for people: rows by class, lengths, unknowns, repeats."""

import collections
import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from albert_tfx.contract import EVAL, TEST, TRAIN
from albert_tfx.data import words
from albert_tfx.data.tfds_source import ResolvedDataset
from albert_tfx.errors import InputError
from albert_tfx.modeling import tokens

_AT_ONCE = 512
# Shares of a class in two splits differ grossly by so much, and by so many standard deviations of
# what chance would make of one share.
_GROSS, _BEYOND_CHANCE = 0.1, 4
_MOST_CLASSES = 30
# Letters of scripts that hardly any vocabulary has: what both become is its unknown piece. Their
# last bytes differ, as a tokenizer that falls back on bytes has a piece for each, and no such one.
_UNKNOWN_LETTERS = ("\N{CUNEIFORM SIGN A}", "\N{EGYPTIAN HIEROGLYPH A002}")
_SIDES = (TRAIN, EVAL, TEST)


@dataclasses.dataclass
class Survey:
    """What was found in all texts.

    Attributes:
      class_names: The classes.
      counts: Rows by split and label.
      lengths: Tokens of each text, special ones included.
      unknown: How many pieces are the vocabulary's unknown one; None where it has none.
      splits_of: For the hash of each text's words, the rows that it has in each split.
    """

    class_names: Sequence[str]
    counts: dict[str, collections.Counter[int]] = dataclasses.field(default_factory=dict)
    lengths: list[int] = dataclasses.field(default_factory=list)
    unknown: int | None = 0
    splits_of: dict[int, collections.Counter[str]] = dataclasses.field(default_factory=dict)

    def lines(self, sequence_length: int) -> Iterator[str]:
        """Yields what to print.

        Args:
          sequence_length: Most tokens of a text that a run reads.
        """
        yield f"{'rows':<22}" + "".join(f"{split:>9}" for split in _SIDES)
        for label in range(min(len(self.class_names), _MOST_CLASSES)):
            counts = [self.counts[split][label] for split in _SIDES]
            yield f"  {self.class_names[label][:19]:<20}" + "".join(f"{n:>9,}" for n in counts)
        if len(self.class_names) > _MOST_CLASSES:
            yield f"  and {len(self.class_names) - _MOST_CLASSES:,} classes more"
        yield from self._unlike_shares()
        yield self._lengths(sequence_length)
        if self.unknown is not None:
            share = self.unknown / max(1, sum(self.lengths))
            yield f"unknown     {share:.2%} of all pieces are not in the vocabulary"
        yield f"repeats     {self._repeats()}"

    def require_classes(self) -> None:
        """Refuses splits that lose a class when the texts that are in another are taken out.

        Raises:
          InputError: One does, or has one class only.
        """
        for split, counts in self.counts.items():
            if len(+counts) < 2:
                raise InputError(
                    f"The {split} split has rows of {len(+counts)} class only",
                    f"Give a split of two classes or more with --{split}-split",
                )

    def _unlike_shares(self) -> Iterator[str]:
        """Yields what to know of splits in which a class has grossly another share than in train.

        Of all classes the one whose share differs most is held against chance.
        """
        of_train = self.counts[TRAIN]
        for split in (EVAL, TEST):
            counts, rows = self.counts[split], (self.counts[split].total(), of_train.total())
            if not all(rows):
                continue
            pairs = {
                label: (counts[label] / rows[0], of_train[label] / rows[1])
                for label in range(len(self.class_names))
            }
            label = max(pairs, key=lambda each: abs(pairs[each][0] - pairs[each][1]))
            here, there = pairs[label]
            share = (counts[label] + of_train[label]) / sum(rows)
            deviation = math.sqrt(share * (1 - share) * sum(1 / each for each in rows))
            if abs(here - there) >= max(_GROSS, _BEYOND_CHANCE * deviation):
                yield (
                    f"shares      {self.class_names[label]} is {here:.1%} of {split} and "
                    f"{there:.1%} of train: figures on {split} are those of other texts than a "
                    "model learns from. Unless that is meant, shuffle before you divide"
                )

    def _lengths(self, sequence_length: int) -> str:
        middle, long, longest = np.quantile(self.lengths, (0.5, 0.95, 1.0), method="nearest")
        cut = sum(length > sequence_length for length in self.lengths)
        return (
            f"tokens      median {middle}, of twenty texts one has more than {long}, longest "
            f"{longest}; {cut:,} texts of more than {sequence_length} are cut"
        )

    def _repeats(self) -> str:
        found: collections.Counter[str] = collections.Counter()
        for splits in self.splits_of.values():
            for split, count in splits.items():
                found[f"{split} within itself"] += count - 1
            for one, other in itertools.combinations(_SIDES, 2):
                if one in splits and other in splits:
                    found[f"{one} also in {other}"] += splits[one]
        parts = [f"{count:,} {what}" for what, count in found.items() if count]
        return f"{', '.join(parts) or 'none'} word for word; a run looks for near ones as well"


def survey(dataset: ResolvedDataset, preprocessor: str) -> Survey:
    """Reads all labelled texts of a data set.

    Args:
      dataset: The data set.
      preprocessor: Handle of the model that makes tokens of texts.
    """
    model = tokens.load_preprocessor(preprocessor)
    unknown = _unknown_id(model)
    found = Survey(dataset.class_names, unknown=None if unknown is None else 0)
    for split, instruction in dataset.splits.items():
        found.counts[split] = collections.Counter()
        rows = iter(_rows(dataset, instruction))
        while part := list(itertools.islice(rows, _AT_ONCE)):
            _add(found, split, part)
            ids = tokens.tokenize(
                model, tokens.remove_line_breaks(tf.constant([t for t, _ in part]))
            )
            found.lengths.extend((ids.row_lengths().numpy() + 2).tolist())
            if unknown is not None:
                found.unknown += int((ids.flat_values.numpy() == unknown).sum())  # type: ignore[operator]
    return found


def _add(found: Survey, split: str, rows: Iterable[tuple[bytes, int]]) -> None:
    for text, label in rows:
        found.counts[split][label] += 1
        digest = words.digest(words.words(text.decode(errors="replace")))
        key = int.from_bytes(digest[:8], "big")
        found.splits_of.setdefault(key, collections.Counter())[split] += 1


def _rows(dataset: ResolvedDataset, instruction: str) -> Iterator[tuple[bytes, int]]:
    text, label = dataset.text_feature, dataset.label_feature
    read: Iterable[Mapping[str, object]] = tfds.as_numpy(
        dataset.builder.as_dataset(
            split=instruction,
            decoders=tfds.decode.PartialDecoding({text: True, label: True}),
            read_config=tfds.ReadConfig(try_autocache=False),
        )
    )
    for row in read:
        if row[label] >= 0:  # type: ignore[operator]
            yield row[text], int(row[label])  # type: ignore[call-overload, misc]


def _unknown_id(model: tf.Module) -> int | None:
    one, other = tokens.tokenize(model, tf.constant(_UNKNOWN_LETTERS)).to_list()
    return one[-1] if one and other and one[-1] == other[-1] else None
