"""Measures by simulation how much too good a model looks on the texts that chose its epoch.

    python benchmarks/choice_of_epoch.py            # 4,000 trainings a case; a minute
    python benchmarks/choice_of_epoch.py --quick    # 200

`eval` chooses the epoch of each model, and then compares the two. Of several epochs that are as
good as each other, the one that these texts happen to favour is taken. The measured accuracy of the
chosen epoch less its true one is that bias; the difference of the two models' biases is what it
adds to what fine-tuning gains. What that is worth is told by how often the interval of the gain
still holds the true one.

A text's margin at an epoch is that of the epoch, plus the text's own, plus a part that changes from
epoch to epoch by a first-order autoregression, whose correlation is set by how many answers change
between neighbours ("churn"). An answer is right where the margin is above 0; the loss is that of
the logistic function. As in the pipeline, the frozen model's epoch is the one of the least loss, of
20, the fine-tuned model's the one of the best accuracy. "rising" has the accuracies by epoch of a
fine-tuning on a tenth of IMDB, "flat" epochs that are all as good as the last, which is the worst
case.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from figures import Figure, add_results_option, publish
from numpy.typing import NDArray

from albert_tfx.evaluation.measurements import paired_difference

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]

BAR = "<= 0.2"
RISING = (0.731, 0.868, 0.881)
FROZEN_EPOCHS, FROZEN_ACCURACY = 20, 0.80
# Logits a standard deviation of the margin: a loss of about 0.3 at an accuracy of 0.88.
_SCALE = 3.0


@dataclasses.dataclass(frozen=True)
class Case:
    """What is simulated.

    Attributes:
      name: What to call it.
      accuracies: Of the fine-tuned model's epochs.
      texts: Number of eval texts.
      churn: Share of answers that differ between two epochs that follow one another.
    """

    name: str
    accuracies: tuple[float, ...]
    texts: int
    churn: float = 0.04

    def __str__(self) -> str:
        return f"{self.name}, {self.texts:,} texts"


CASES = [
    Case(name, accuracies, texts)
    for name, accuracies in (("rising", RISING), ("flat", RISING[-1:] * len(RISING)))
    for texts in (400, 1200, 2500)
]


def margins(accuracies: Sequence[float], texts: int, churn: float, draw: np.random.Generator):
    """Draws the margins of one training, float64 `[epochs, texts]`, in standard deviations.

    Two standard normal margins of correlation r differ in sign with probability arccos(r) / pi
    where neither sign is likelier (Sheppard 1899); off the middle less often, so that answers
    change rather less than `churn` says.
    """
    between = np.cos(np.pi * churn)
    drawn = draw.normal(size=[len(accuracies), texts])
    for epoch in range(1, len(accuracies)):
        drawn[epoch] = between * drawn[epoch - 1] + np.sqrt(1 - between**2) * drawn[epoch]
    return drawn + np.array([[NormalDist().inv_cdf(each)] for each in accuracies])


def chosen(accuracies: Sequence[float], drawn: Floats, by_loss: bool) -> tuple[float, Bools]:
    """Returns the true accuracy of the chosen epoch, and what is right, bool `[texts]`."""
    right = drawn > 0
    merit = (-np.logaddexp(0, -_SCALE * drawn) if by_loss else right).mean(axis=1)
    epoch = int(merit.argmax())
    return accuracies[epoch], right[epoch]


@dataclasses.dataclass(frozen=True)
class Choice:
    """What one comparison measures, and what is true of the two epochs that it chose.

    Attributes:
      frozen: How much too good the frozen model looks, in accuracy.
      fine_tuned: The same of the fine-tuned model.
      is_covered: Whether the paired interval of 95 % holds the true difference.
    """

    frozen: float
    fine_tuned: float
    is_covered: bool


def compare(case: Case, draw: np.random.Generator) -> Choice:
    """Trains both models, so to speak, on texts that are as hard for the one as for the other."""
    frozen = (FROZEN_ACCURACY,) * FROZEN_EPOCHS
    truth, right = chosen(frozen, margins(frozen, case.texts, case.churn, draw), by_loss=True)
    epochs = case.accuracies
    ours, ours_right = chosen(epochs, margins(epochs, case.texts, case.churn, draw), by_loss=False)
    gained, lost = int((ours_right & ~right).sum()), int((right & ~ours_right).sum())
    interval = paired_difference(gained, lost, case.texts)
    assert interval.lower is not None
    assert interval.upper is not None
    return Choice(
        float(right.mean() - truth),
        float(ours_right.mean() - ours),
        interval.lower <= ours - truth <= interval.upper,
    )


def figures_of(trainings: int) -> list[Figure]:
    """Returns both biases and their difference for each case, in points, and the coverage."""
    figures = []
    for number, case in enumerate(CASES):
        draw = np.random.default_rng(number)
        choices = [compare(case, draw) for _ in range(trainings)]
        frozen = 100 * np.array([each.frozen for each in choices])
        fine_tuned = 100 * np.array([each.fine_tuned for each in choices])
        error = (fine_tuned - frozen).std(ddof=1) / np.sqrt(trainings)
        covered = float(np.mean([each.is_covered for each in choices]))
        figures += [
            Figure(f"{case}: frozen", float(frozen.mean()), "points"),
            Figure(f"{case}: fine-tuned", float(fine_tuned.mean()), "points"),
            Figure(
                f"{case}: gain",
                float(fine_tuned.mean() - frozen.mean()),
                f"points, +- {error:.2f}",
                BAR,
            ),
            Figure(f"{case}: intervals that hold", covered, "", ">= 0.94"),
        ]
    return figures


def main() -> None:
    """Simulates, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="200 trainings a case")
    add_results_option(parser)
    arguments = parser.parse_args()
    trainings = 200 if arguments.quick else 4000
    publish(figures_of(trainings), "python benchmarks/choice_of_epoch.py", arguments.results)


if __name__ == "__main__":
    main()
