"""Texts that lie whole within a longer text of another split, as Beam transforms.

Phrases of one sentence are such texts: no similarity by Jaccard sees them, as most of the longer
text is not in the shorter one. A text of n words is told by two runs of m words, its first and its
last, where m is the greatest power of two up to n: they cover it. Only runs that some text begins
with are shuffled.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
from apache_beam.pvalue import AsSingleton

from albert_tfx.data import similarity as text_similarity

# Shorter texts lie within others by chance.
LEAST_WORDS = 4
# Of the texts of a split that hold a run, so many are compared with those that begin with it.
_MOST_HOSTS = 128

Hashes = npt.NDArray[np.int64]  # signed, as Beam's integers are
Position = tuple[int, int, int]  # split, file, row


@dataclasses.dataclass(frozen=True, order=True)
class Part:
    """A text that may lie within others.

    Attributes:
      position: Its place.
      words: Its length.
      last: Hash of its last run.
      excerpt: How it begins.
    """

    position: Position
    words: int
    last: int
    excerpt: str


@dataclasses.dataclass(frozen=True, order=True)
class Host:
    """A text that holds a run that another begins with.

    Attributes:
      position: Its place.
      words: Its length.
      runs: Bytes of int64: the hashes of the run, and of as many that begin after it.
      excerpt: How it begins.
    """

    position: Position
    words: int
    runs: bytes
    excerpt: str


@beam.ptransform_fn
def FindContained(  # noqa: N802  Beam names transforms like classes
    texts: beam.PCollection[tuple[Position, str, str]],
) -> beam.PCollection[tuple[Part, Host]]:
    """Finds the texts that lie whole within a longer text of another split.

    Args:
      texts: Position, text and excerpt of each.

    Returns:
      Each such text with the first that holds it, of each other split.
    """
    hashed = texts | "Hashed" >> beam.MapTuple(_hashed)
    parts = hashed | "Parts" >> beam.FlatMapTuple(_parts)
    heads = (
        parts
        | "Heads" >> beam.Keys()
        | "AllHeads" >> beam.combiners.ToList()
        | "Sorted" >> beam.Map(lambda found: np.sort(np.array(found, np.int64)).tobytes())
    )
    hosts = (
        hashed
        | "Hosts" >> beam.FlatMap(_hosts, AsSingleton(heads))
        | "FirstHosts" >> beam.combiners.Top.SmallestPerKey(_MOST_HOSTS)
        | "ByRun" >> beam.FlatMap(lambda found: [(found[0][0], host) for host in found[1]])
    )
    return (
        {"parts": parts, "hosts": hosts}
        | "Join" >> beam.CoGroupByKey()
        | "Within" >> beam.FlatMap(_within)
    )


def runs(hashes: npt.NDArray[np.uint64]) -> Iterator[tuple[int, Hashes]]:
    """Yields lengths, powers of two from `LEAST_WORDS` on, and a hash of each run of so many words.

    Args:
      hashes: uint64 `[words]`, what `similarity.word_hashes` returned.
    """
    length = 1
    while len(hashes):
        if length >= LEAST_WORDS:
            yield length, hashes.view(np.int64)
        hashes = text_similarity.combined([hashes[:-length], hashes[length:]])
        length *= 2


def _hashed(position: Position, text: str, excerpt: str) -> tuple[Position, bytes, str]:
    words = text_similarity.words(text)
    return position, text_similarity.word_hashes(words).tobytes(), excerpt


def _parts(position: Position, words: bytes, excerpt: str) -> Iterator[tuple[int, Part]]:
    hashes = np.frombuffer(words, np.uint64)
    if len(hashes) >= LEAST_WORDS:
        length = _greatest_power(len(hashes))
        first, last = (_only_run(hashes[part]) for part in (np.s_[:length], np.s_[-length:]))
        yield first, Part(position, len(hashes), last, excerpt)


def _only_run(hashes: npt.NDArray[np.uint64]) -> int:
    """Returns the hash of a run of all words, which are a power of two."""
    *_, (_, [run]) = runs(hashes)
    return int(run)


def _hosts(
    text: tuple[Position, bytes, str], heads: bytes
) -> Iterator[tuple[tuple[int, int], Host]]:
    """Yields a text by each of its runs that another text begins with, and by its split.

    Args:
      text: Position, word hashes and excerpt.
      heads: Bytes of int64, ascending: what each text begins with, this one as well.
    """
    position, words, excerpt = text
    known = np.frombuffer(heads, np.int64)
    hashes = np.frombuffer(words, np.uint64)
    own = _greatest_power(len(hashes)) if len(hashes) >= LEAST_WORDS else 0
    for length, found in runs(hashes):
        begun = np.searchsorted(known, found, "right") - np.searchsorted(known, found, "left")
        begun[:1] -= length == own
        for start in np.flatnonzero(begun).tolist():
            window = found[start : start + length]
            host = Host(position, len(hashes), window.tobytes(), excerpt)
            yield (int(window[0]), position[0]), host


def _within(
    group: tuple[int, Mapping[str, Iterable[Any]]],
) -> Iterator[tuple[Part, Host]]:
    _, joined = group
    hosts = sorted(joined["hosts"])
    for part in joined["parts"]:
        found = set()
        for host in hosts:
            split = host.position[0]
            if split != part.position[0] and split not in found and _holds(host, part):
                found.add(split)
                yield part, host


def _holds(host: Host, part: Part) -> bool:
    hashes = np.frombuffer(host.runs, np.int64)
    after = part.words - _greatest_power(part.words)
    return host.words > part.words and after < len(hashes) and int(hashes[after]) == part.last


def _greatest_power(number: int) -> int:
    return 1 << (number.bit_length() - 1)
