"""What is found of a text that repeats another, counted, and a few of each kind."""

import dataclasses

import apache_beam as beam

from albert_tfx.data.duplicates.places import SPLITS, split_of

EXACT = "exact"
NEAR = "near"
CONTAINED = "contained"
CONTRADICTING = "contradicting"
KINDS = (EXACT, NEAR, CONTRADICTING, CONTAINED)

Finding = tuple[str, str, str]  # kind, split of the text, split of the original

_SHOWN_PAIRS = 3


@dataclasses.dataclass(frozen=True, order=True)
class Duplicate:
    """A text that repeats an earlier one: by split, in the order of `SPLITS`, file and row.

    Attributes:
      text: Its place.
      original: The place of the earlier one.
      kind: EXACT, NEAR, or CONTAINED for a text that lies whole within the original.
      similarity: Jaccard similarity of their shingles; of CONTAINED, its share of the words.
      has_other_label: Whether the two have different labels; told for EXACT alone.
    """

    text: int
    original: int
    kind: str
    similarity: float
    has_other_label: bool = False

    @property
    def finding(self) -> Finding:
        """Kind, split of the text, split of the original."""
        return self.kind, SPLITS[split_of(self.text)], SPLITS[split_of(self.original)]

    @property
    def findings(self) -> list[Finding]:
        """The same, and once more as a contradiction where equal texts have different labels."""
        if self.kind == EXACT and self.has_other_label:
            return [self.finding, (CONTRADICTING, *self.finding[1:])]
        return [self.finding]


@beam.ptransform_fn
def CountFindings(  # noqa: N802  Beam names transforms like classes
    duplicates: beam.PCollection[Duplicate],
) -> beam.PCollection[tuple[Finding, int]]:
    """Counts texts, each once for each finding, by finding."""
    return (
        duplicates
        | beam.FlatMap(lambda each: [(each.text, finding) for finding in each.findings])
        | beam.Distinct()
        | beam.Values()
        | beam.combiners.Count.PerElement()
    )


@beam.ptransform_fn
def SomeOfEach(  # noqa: N802
    duplicates: beam.PCollection[Duplicate],
) -> beam.PCollection[tuple[Finding, list[Duplicate]]]:
    """Picks the first duplicates by finding."""
    return (
        duplicates
        | beam.Map(lambda duplicate: (duplicate.finding, duplicate))
        | beam.combiners.Top.SmallestPerKey(_SHOWN_PAIRS)
    )
