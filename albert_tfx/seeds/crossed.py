"""The interval of a mean over trainings and texts, when chance chose both.

A recipe that is trained again gives another model; a model that is asked about other texts shows
another accuracy. Every training answers the same texts, so the two are crossed, and the variance of
their mean is the sum of that of the trainings' means and that of the texts' means, less what both
hold of their interaction (Searle, Casella & McCulloch 1992, "Variance Components", chapter 4;
Bouthillier et al. 2021, "Accounting for Variance in Machine Learning Benchmarks", names the
sources). Two to five trainings tell little of their own variance, so that each part gets the
quantile of its own degrees of freedom before the two are added in quadrature (Zou & Donner 2008,
"Construction of confidence limits about effect measures: a general approach").
`benchmarks/interval_coverage.py` measures how often such intervals hold the truth.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.floating]


@dataclasses.dataclass(frozen=True)
class Spread:
    """How far a mean over trainings and texts may be from the recipe's own.

    Attributes:
      trainings: Standard error that the trainings bring in; NaN where there is one alone.
      texts: Standard error that the texts bring in.
      seeds: Number of trainings.
    """

    trainings: float
    texts: float
    seeds: int

    def half_width(self, confidence: float) -> float:
        """Returns half of the interval's width; of one training, for the texts alone.

        Args:
          confidence: Share of such intervals that hold the truth, such as 0.95.
        """
        of_texts = float(stats.norm.ppf((1 + confidence) / 2)) * self.texts
        if self.seeds < 2:
            return of_texts
        return math.hypot(self.half_width_of_trainings(confidence), of_texts)

    def half_width_of_trainings(self, confidence: float) -> float:
        """Returns half of the width for the trainings alone, of two or more."""
        return float(stats.t.ppf((1 + confidence) / 2, self.seeds - 1)) * self.trainings


def spread(contributions: Floats) -> Spread:
    """Measures what chance contributes to a mean.

    Args:
      contributions: float64 `[seeds, texts]`: what each text contributes to the mean of each
        training: whether its answer is right, the difference of two models' being so, or a metric's
        value plus the text's influence on it. The texts are the same in each row.

    Returns:
      The two standard errors. That of the texts is NaN for fewer than two texts, and never less
      than that of the interaction: two trainings that happen to agree do not make a mean certain.
    """
    seeds, texts = contributions.shape
    if texts < 2:
        return Spread(math.nan, math.nan, seeds)
    by_text = contributions.mean(axis=0)
    of_texts = by_text.var(ddof=1) / texts
    if seeds < 2:
        return Spread(math.nan, math.sqrt(of_texts), seeds)
    by_seed = contributions.mean(axis=1)
    interaction = contributions - by_seed[:, np.newaxis] - by_text + by_text.mean()
    of_both = (interaction**2).sum() / ((seeds - 1) * (texts - 1)) / (seeds * texts)
    of_seeds = by_seed.var(ddof=1) / seeds
    return Spread(math.sqrt(of_seeds), math.sqrt(max(of_texts - of_both, of_both)), seeds)


def half_width_of_difference(ours: Floats, theirs: Floats, confidence: float) -> float:
    """Returns half of the interval's width of the difference of two means.

    The texts are the same, and paired; the trainings of the one have nothing to do with those of
    the other. What the trainings of few texts have in common with these is counted with both, so
    that the interval is rather too wide than too narrow.

    Args:
      ours: float64 `[seeds, texts]`, as `spread` takes them.
      theirs: float64 `[other seeds, texts]`.
      confidence: Share of such intervals that hold the truth, such as 0.95.
    """
    texts = spread((ours.mean(axis=0) - theirs.mean(axis=0))[np.newaxis]).half_width(confidence)
    trainings = (spread(each).half_width_of_trainings(confidence) for each in (ours, theirs))
    return math.hypot(texts, *trainings)
