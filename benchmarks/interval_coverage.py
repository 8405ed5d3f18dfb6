"""How often the interval of a comparison holds the truth, by simulation.

    python benchmarks/interval_coverage.py            # minutes
    python benchmarks/interval_coverage.py --quick    # 50 comparisons of each case

Two recipes are trained some times each, and asked about the same texts. Whether a training answers
a text rightly is drawn from a probit model with normal effects of the training, of the text, of the
text for the recipe, and of all three, so that the true gain is known in closed form. The effect of
the training is such that the accuracy of the fine-tuned recipe's trainings has the stated standard
deviation; the frozen recipe's has a quarter of it. A probit at 85 % is skewed: bad trainings lie
further from the mean than good ones do, as in practice.

Printed for each case: the share of intervals that hold the true gain; the share that lie above zero
where the true gain is zero (a false *fine-tuned wins*); and the mean width over that of the
interval that knows the true standard error.
"""

import argparse
import dataclasses
import itertools
import math
from collections.abc import Iterator

import figures
import numpy as np
from scipy import stats

from albert_tfx.evaluation.metrics import CONFIDENCE
from albert_tfx.seeds.crossed import spread

_COMMAND = "python benchmarks/interval_coverage.py"
_ACCURACY = 0.85  # of the frozen recipe
_OF_TEXT, _OF_TEXT_AND_RECIPE, _OF_ALL = 1.0, 0.5, 0.4  # standard deviations of the effects
_TEXTS = math.sqrt(_OF_TEXT**2 + _OF_TEXT_AND_RECIPE**2 + _OF_ALL**2)
_FROZEN_SHARE = 0.25


@dataclasses.dataclass(frozen=True)
class Case:
    """What is simulated.

    Attributes:
      seeds: Trainings of each recipe.
      texts: Texts that all of them answer.
      deviation: Standard deviation of the accuracy of the fine-tuned recipe's trainings.
      gain: The true difference of the recipes' accuracies.
    """

    seeds: int
    texts: int
    deviation: float
    gain: float

    def __str__(self) -> str:
        return (
            f"{self.seeds} seeds, {self.texts:,} texts, "
            f"±{100 * self.deviation:g} points, gain {100 * self.gain:g}"
        )

    def differences(self, rng: np.random.Generator) -> np.ndarray:
        """Draws one comparison: float64 `[seeds, texts]`, of -1, 0 and 1."""
        of_seed = self.deviation * _TEXTS / stats.norm.pdf(stats.norm.ppf(_ACCURACY))
        of_text = rng.normal(0, _OF_TEXT, self.texts)
        fine_tuned = self._right(_ACCURACY + self.gain, of_seed, of_text, rng)
        return fine_tuned - self._right(_ACCURACY, of_seed * _FROZEN_SHARE, of_text, rng)

    def _right(
        self, accuracy: float, of_seed: float, of_text: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        shape = (self.seeds, self.texts)
        total = (
            stats.norm.ppf(accuracy) * math.hypot(_TEXTS, of_seed)
            + rng.normal(0, of_seed, [self.seeds, 1])
            + of_text
            + rng.normal(0, _OF_TEXT_AND_RECIPE, self.texts)
            + _OF_ALL * rng.standard_normal(shape, dtype=np.float32)
        )
        return (total > 0).astype(np.float64)


@dataclasses.dataclass(frozen=True)
class Found:
    """What the intervals of many comparisons of one case were worth.

    Attributes:
      coverage: Share that holds the true gain.
      false_wins: Share that lies above zero.
      width: Mean width over that of the interval that knows the true standard error.
    """

    coverage: float
    false_wins: float
    width: float


def simulate(case: Case, comparisons: int) -> Found:
    """Draws comparisons, and holds their intervals against the truth."""
    rng = np.random.default_rng([case.seeds, case.texts, int(1e4 * case.deviation)])
    drawn = (case.differences(rng) for _ in range(comparisons))
    measured = [(each.mean(), spread(each).half_width(CONFIDENCE)) for each in drawn]
    means, halves = np.array(measured).T
    known = stats.norm.ppf((1 + CONFIDENCE) / 2) * means.std()
    return Found(
        float((np.abs(means - case.gain) <= halves).mean()),
        float((means - halves > 0).mean()),
        float(halves.mean() / known),
    )


def cases(seeds: tuple[int, ...]) -> Iterator[Case]:
    """Yields few and many texts, seeds that matter little and much, no gain and a small one."""
    for each in itertools.product(seeds, (300, 2500), (0.0, 0.005, 0.015, 0.04), (0.0, 0.02)):
        yield Case(*each)


def main() -> None:
    """Prints what each case gives, and keeps the summary."""
    parser = argparse.ArgumentParser(description="Simulates how often intervals hold the truth.")
    parser.add_argument("--quick", action="store_true", help="50 comparisons of each case")
    figures.add_results_option(parser)
    arguments = parser.parse_args()
    comparisons, flag = (50, " --quick") if arguments.quick else (1000, "")
    found: dict[Case, Found] = {}
    for case in cases((1, 3, 5)):
        found[case] = simulate(case, comparisons)
        each = found[case]
        print(
            f"{case!s:<48} holds the truth {each.coverage:.3f}, above zero {each.false_wins:.3f}, "
            f"width {each.width:.2f}",
            flush=True,
        )
    figures.publish(list(summarized(found)), f"{_COMMAND}{flag}", arguments.results)


def summarized(found: dict[Case, Found]) -> Iterator[figures.Figure]:
    """Yields the worst and the mean of the cases, for each number of seeds."""
    for seeds in dict.fromkeys(case.seeds for case in found):
        of_seeds = {case: each for case, each in found.items() if case.seeds == seeds}
        least = min(each.coverage for each in of_seeds.values())
        wins = [each.false_wins for case, each in of_seeds.items() if not case.gain]
        width = [each.width for each in of_seeds.values()]
        bar = {"coverage": ">= 0.93", "wins": "<= 0.03"} if seeds > 1 else {}
        named = f"{seeds} seed{'s' if seeds > 1 else ''}"
        yield figures.Figure(f"least coverage, {named}", least, "share", bar.get("coverage"))
        yield figures.Figure(
            f"mean share of false wins, {named}", float(np.mean(wins)), "share", bar.get("wins")
        )
        yield figures.Figure(f"largest share of false wins, {named}", max(wins), "share")
        yield figures.Figure(f"mean width over the known, {named}", float(np.mean(width)), "times")


if __name__ == "__main__":
    main()
