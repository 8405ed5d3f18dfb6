"""Composes reviews: a verdict first, then sentences that lead to it.

The verdict of a review is never a matter of counting its words. Praise and blame stand in both
classes; who speaks, what is negated and what weighs more is what tells them apart.
"""

import random
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from . import frames, lexicon, plots
from .aspects import ASPECTS
from .voices import VOICES, Voice

PEOPLE = ("lead", "partner", "director")
LABELS = ("negative", "positive")
OPPOSITE = {"negative": "positive", "positive": "negative"}

_SLOT = re.compile(r"\{(\w+)\}")
_SENTENCE_START = re.compile(r"(^|[.!?] )([a-z])")
_A_BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=(?i:[aei]|o(?!ne)|u(?!ni|s[eu])|hon))")

_Phrase = TypeVar("_Phrase")


@dataclass(frozen=True)
class CompositionOptions:
    """How reviews are mixed.

    Attributes:
        seed: Seeds every draw.
        remark_agreement: Share of single points that agree with the verdict.
        hearsay_agreement: Share of others' opinions that agree with the verdict.
        verdict_mix: Weights of verdicts that compare two sides, of mirrored ones, of plain ones.
        irony_share: Share of reviews with one ironical sentence.
        held_out_percent: Percentage of frames and predicates that only the test split may use.
        minimum_words: Shorter reviews are composed again.
        maximum_words: Longer reviews are composed again.
        maximum_overlap: A review is composed again when it shares more than this part of its
            five-word sequences with any one earlier review.
    """

    seed: int = 20240229
    remark_agreement: float = 0.88
    hearsay_agreement: float = 0.48
    verdict_mix: tuple[float, float, float] = (0.34, 0.34, 0.32)
    irony_share: float = 0.08
    held_out_percent: int = 10
    minimum_words: int = 20
    maximum_words: int = 250
    maximum_overlap: float = 0.5


@dataclass(frozen=True)
class Review:
    """One composed review and the verdict that it was composed for."""

    text: str
    label: str


@dataclass(frozen=True)
class Outline:
    """How many sentences of each kind a review gets; verdicts count at least one."""

    verdicts: int
    remarks: int
    balances: int
    hearsay: int
    plot: int
    asides: int


# (weight, outline): from a few lines to a full page.
OUTLINES: tuple[tuple[int, Outline], ...] = (
    (6, Outline(verdicts=1, remarks=1, balances=0, hearsay=0, plot=0, asides=0)),
    (10, Outline(verdicts=2, remarks=1, balances=0, hearsay=0, plot=0, asides=0)),
    (16, Outline(verdicts=2, remarks=0, balances=1, hearsay=0, plot=0, asides=0)),
    (14, Outline(verdicts=2, remarks=2, balances=0, hearsay=1, plot=0, asides=0)),
    (18, Outline(verdicts=2, remarks=1, balances=1, hearsay=0, plot=1, asides=0)),
    (16, Outline(verdicts=2, remarks=2, balances=1, hearsay=1, plot=1, asides=0)),
    (10, Outline(verdicts=3, remarks=2, balances=1, hearsay=1, plot=1, asides=1)),
    (6, Outline(verdicts=3, remarks=3, balances=2, hearsay=1, plot=2, asides=1)),
    (4, Outline(verdicts=4, remarks=4, balances=2, hearsay=2, plot=2, asides=2)),
    (2, Outline(verdicts=4, remarks=5, balances=3, hearsay=2, plot=3, asides=2)),
)


def is_held_out(phrase: object, percent: int) -> bool:
    """Whether a phrase is kept from the training split: the same answer on every machine.

    Single words never are: the test asks for new combinations of words, not for new words.
    """
    if isinstance(phrase, str) and " " not in phrase:
        return False
    return zlib.crc32(repr(phrase).encode()) % 100 < percent


def write_article(text: str) -> str:
    """Turns "a" into "an" where the next word asks for it."""
    return _A_BEFORE_VOWEL.sub(r"\1n ", text)


def write_capitals(text: str) -> str:
    """Starts every sentence with a capital letter."""
    return _SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)


def write_surnames(text: str, names: Iterable[str]) -> str:
    """Leaves the first mention of each full name and cuts later ones down to the surname."""
    for name in names:
        first, _, rest = text.partition(name)
        text = first + name + rest.replace(name, name.split()[-1]) if rest else text
    return text


def five_word_sequences(text: str) -> set[str]:
    """All runs of five words in a text, lower-cased: what two near-copies would share."""
    words = re.findall(r"[a-z'-]+", text.lower())
    return {" ".join(words[i : i + 5]) for i in range(len(words) - 4)}


class ExhaustedError(LookupError):
    """A review wants to say more than there is to say without saying something twice."""


@dataclass
class Draft:
    """One review in the making. It remembers what it has said, and says nothing twice."""

    verdict: str
    random: random.Random
    is_allowed: Callable[[object], bool]
    said: set[object] = field(default_factory=set)
    aspects: list[str] = field(default_factory=lambda: list(ASPECTS))
    facts: dict[str, str] = field(default_factory=dict)
    leaning: str = "positive"

    def __post_init__(self) -> None:
        self.random.shuffle(self.aspects)
        self._invent_film()

    def choose(self, phrases: Sequence[_Phrase]) -> _Phrase:
        """Draws an allowed phrase that this review has not used yet.

        Raises:
            ExhaustedError: No such phrase is left.
        """
        fresh = [p for p in phrases if p not in self.said and self.is_allowed(p)]
        if not fresh:
            raise ExhaustedError(f"all {len(phrases)} phrases are used or held out: {phrases}")
        phrase = self.random.choice(fresh)
        self.said.add(phrase)
        return phrase

    def sentence(self, frame: str, agreement: float = 1.0) -> str:
        """Fills a frame; its `leaning_` slots agree with the verdict at the given rate."""
        agrees = self.random.random() < agreement
        self.leaning = self.verdict if agrees else OPPOSITE[self.verdict]
        return write_capitals(write_article(self._fill(frame)))

    def _fill(self, frame: str) -> str:
        return _SLOT.sub(lambda match: self._fill(self._slot(match[1])), frame)

    def _slot(self, name: str) -> str:
        if name in self.facts:
            return self.facts[name]
        if name in _NEUTRAL_SLOTS:
            return self.choose(_NEUTRAL_SLOTS[name])
        side, kind = name.split("_", 1)
        return self._opinion(self._polarity(side), kind)

    def _polarity(self, side: str) -> str:
        return {
            "own": self.verdict,
            "against": OPPOSITE[self.verdict],
            "leaning": self.leaning,
        }[side]

    def _opinion(self, polarity: str, kind: str) -> str:
        if kind in _WORDS:
            return self.choose(_WORDS[kind][polarity])
        return {"clause": self._clause, "quality": self._quality}[kind](polarity)

    def _clause(self, polarity: str) -> str:
        aspect = ASPECTS[self._next_aspect(self.aspects)]
        subject = self.random.choice(aspect.subjects)
        return f"{subject} {self.choose(aspect.predicates[polarity])}"

    def _quality(self, polarity: str) -> str:
        named = [name for name in self.aspects if ASPECTS[name].qualities[polarity]]
        return self.choose(ASPECTS[self._next_aspect(named)].qualities[polarity])

    def _next_aspect(self, candidates: Sequence[str]) -> str:
        if not candidates:
            raise ExhaustedError(f"all {len(ASPECTS)} aspects are spoken of")
        name = candidates[0]
        self.aspects.remove(name)
        return name

    def _invent_film(self) -> None:
        self.facts["genre"] = self.random.choice(plots.GENRES)
        for person in PEOPLE:
            self.facts[person] = f"{self.choose(plots.FIRST_NAMES)} {self.choose(plots.LAST_NAMES)}"
        thing, things = (self.random.choice(plots.THINGS) for _ in range(2))
        parts = {
            "trade": self.random.choice(plots.TRADES),
            "thing": thing,
            "things": f"{things}s",
            "number": self.random.choice(plots.NUMBERS),
            "town": self.random.choice(plots.TOWNS),
            "hour": self.random.choice(plots.HOURS),
            "first_name": self.choose(plots.FIRST_NAMES),
        }
        self.facts["title"] = self.random.choice(plots.TITLES).format(**parts)


_NEUTRAL_SLOTS: Mapping[str, tuple[str, ...]] = {
    "source": lexicon.SOURCES,
    "role": plots.ROLES,
    "predicament": plots.PREDICAMENTS,
    "setting": plots.SETTINGS,
    "event": plots.EVENTS,
}
_WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "adjective": lexicon.ADJECTIVES,
    "label": lexicon.LABELS,
    "reaction": lexicon.REACTIONS,
}


class SeenReviews:
    """The reviews composed so far, by their five-word sequences."""

    def __init__(self, maximum_overlap: float) -> None:
        self._maximum_overlap = maximum_overlap
        self._reviews: dict[str, list[int]] = {}
        self._count = 0

    def add(self, text: str) -> bool:
        """Adds a review and returns True, or returns False where it is a near-copy."""
        sequences = five_word_sequences(text)
        shared = Counter(index for s in sequences for index in self._reviews.get(s, ()))
        if max(shared.values(), default=0) > self._maximum_overlap * len(sequences):
            return False
        for sequence in sequences:
            self._reviews.setdefault(sequence, []).append(self._count)
        self._count += 1
        return True


class ReviewComposer:
    """Composes the reviews of one split."""

    def __init__(self, options: CompositionOptions, split: str, seen: SeenReviews) -> None:
        """Seeds the composer.

        Args:
            options: How reviews are mixed.
            split: "train", which never uses a held-out phrase, or "test", which may use any.
            seen: Shared by all splits, so that none holds a near-copy of another's review.
        """
        self._options = options
        self._random = random.Random(f"{options.seed}/{split}")
        self._held_out_percent = options.held_out_percent if split == "train" else 0
        self._seen = seen

    def compose(self, count: int) -> Iterator[Review]:
        """Yields `count` reviews, their verdicts in turn."""
        for index in range(count):
            yield self._unseen_review(LABELS[index % 2])

    def _unseen_review(self, verdict: str) -> Review:
        while True:
            with suppress(ExhaustedError):
                text = self._text(verdict)
                if self._has_good_length(text) and self._seen.add(text):
                    return Review(text, verdict)

    def _has_good_length(self, text: str) -> bool:
        words = len(text.split())
        return self._options.minimum_words <= words <= self._options.maximum_words

    def _is_allowed(self, phrase: object) -> bool:
        return not is_held_out(phrase, self._held_out_percent)

    def _text(self, verdict: str) -> str:
        draft = Draft(verdict, self._random, self._is_allowed)
        weights, outlines = zip(*OUTLINES, strict=True)
        outline = self._random.choices(outlines, weights)[0]
        text = " ".join(self._sentences(draft, outline))
        return write_surnames(text, (draft.facts[person] for person in PEOPLE))

    def _sentences(self, draft: Draft, outline: Outline) -> list[str]:
        """An opening with the plot, a verdict if there are several, the body, the last verdict."""
        voice = VOICES[self._random.choice(tuple(VOICES))]
        last, *others = [self._verdict(draft) for _ in range(outline.verdicts)]
        opening = [self._sentence(draft, voice.openings)]
        plot = self._plot(draft, outline.plot)
        early = self._shuffled([plot, others[:1]])
        body = self._body(draft, outline, voice) + others[1:]
        return [*opening, *chain(*early), *self._shuffled(body), last, *self._end(draft, voice)]

    def _plot(self, draft: Draft, count: int) -> list[str]:
        premise = self._repeat(draft, plots.PREMISES, min(count, 1))
        return premise + self._repeat(draft, plots.DEVELOPMENTS, max(count - 1, 0))

    def _body(self, draft: Draft, outline: Outline, voice: Voice) -> list[str]:
        options = self._options
        irony = self._random.random() < options.irony_share
        return [
            *self._repeat(draft, frames.REMARKS, outline.remarks, options.remark_agreement),
            *self._repeat(draft, frames.HEARSAY, outline.hearsay, options.hearsay_agreement),
            *self._repeat(draft, frames.BALANCES, outline.balances),
            *self._repeat(draft, voice.asides, outline.asides),
            *([self._mirrored(draft, frames.IRONIES)] if irony else []),
        ]

    def _end(self, draft: Draft, voice: Voice) -> list[str]:
        return self._repeat(draft, voice.last_words, self._random.randrange(2))

    def _verdict(self, draft: Draft) -> str:
        kind = self._random.choices(("compared", "mirrored", "stated"), self._options.verdict_mix)[
            0
        ]
        if kind == "mirrored":
            return self._mirrored(draft, frames.MIRRORED_VERDICTS)
        return self._sentence(draft, frames.VERDICTS if kind == "compared" else frames.STATEMENTS)

    def _mirrored(self, draft: Draft, pairs: Sequence[tuple[str, str]]) -> str:
        positive, negative = draft.choose(pairs)
        return draft.sentence(positive if draft.verdict == "positive" else negative)

    def _sentence(self, draft: Draft, phrases: Sequence[str], agreement: float = 1.0) -> str:
        return draft.sentence(draft.choose(phrases), agreement)

    def _repeat(
        self, draft: Draft, phrases: Sequence[str], count: int, agreement: float = 1.0
    ) -> list[str]:
        return [self._sentence(draft, phrases, agreement) for _ in range(count)]

    def _shuffled(self, items: Sequence[_Phrase]) -> list[_Phrase]:
        return self._random.sample(items, len(items))
