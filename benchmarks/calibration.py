"""What a fitted temperature gains on texts that fitted nothing, by simulation.

    python benchmarks/calibration.py                  # a minute
    python benchmarks/calibration.py --quick          # 10 models of each case
    python benchmarks/calibration.py --output output  # and of the models of a run

Labels are drawn from the softmax of normal logits, so that the true probabilities are known. A
model's logits are the true ones times how much too sure it is: that factor is the temperature that
undoes it. The temperature is fitted on an eval split, as the Trainer does, and measured on 4,000
other texts. Printed for each case: the share of models that got a temperature, its mean, log loss
and expected calibration error without and with it, and the log loss of the true probabilities. At
the end, beside this rule, which asks for a gain that exceeds its own standard error, what any gain
would do.
"""

import argparse
import dataclasses
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import figures
import numpy as np
from scipy import special

from albert_tfx.calibration import temperature
from albert_tfx.evaluation.metrics import CALIBRATION_ERROR, LOG_LOSS, estimate_one
from albert_tfx.report.summary import Summary

_COMMAND = "python benchmarks/calibration.py"
_HELD_OUT = 4000
_SPREAD = 2.0  # of the true logits: 81 % of the best answers of two classes are right
MODELS, QUICK_MODELS = 100, 10


@dataclasses.dataclass(frozen=True)
class Case:
    """What is simulated.

    Attributes:
      sureness: What the model's logits are, as a multiple of the true ones.
      texts: Texts of the eval split.
      classes: Number of classes.
    """

    sureness: float
    texts: int
    classes: int

    def __str__(self) -> str:
        return f"{self.sureness:g} times as sure, {self.texts:,} texts, {self.classes} classes"

    def draw(self, rng: np.random.Generator, texts: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns labels int64 `[texts]`, and true logits float64 `[texts, classes]`."""
        logits = rng.normal(0, _SPREAD, [texts, self.classes])
        # The greatest of logits with Gumbel noise is a draw from their softmax.
        return (logits + rng.gumbel(size=logits.shape)).argmax(axis=1), logits


@dataclasses.dataclass(frozen=True)
class Found:
    """What one model's temperature does on held-out texts.

    Attributes:
      temperature: The temperature, 1 where none was shown to help.
      log_loss: Without it, with it, and of the true probabilities.
      calibration_error: Without it, and with it.
      by_any_gain: The log loss with a temperature wherever there is any cross-fitted gain.
    """

    temperature: float
    log_loss: tuple[float, float, float]
    calibration_error: tuple[float, float]
    by_any_gain: float


def simulate(case: Case, models: int) -> list[Found]:
    """Draws models, fits their temperatures, and measures them on other texts."""
    rng = np.random.default_rng([int(100 * case.sureness), case.texts, case.classes])
    return [_measure(case, rng) for _ in range(models)]


def _measure(case: Case, rng: np.random.Generator) -> Found:
    labels, logits = case.draw(rng, case.texts)
    probabilities = special.softmax(case.sureness * logits, axis=1)
    fitted = temperature.fit(labels, probabilities)
    has_gain = temperature.cross_fitted_changes(labels, probabilities).mean() < 0
    likeliest = temperature.likeliest(labels, probabilities) if has_gain else temperature.UNCHANGED
    labels, logits = case.draw(rng, _HELD_OUT)
    scales = (case.sureness, case.sureness / fitted, 1.0, case.sureness / likeliest)
    without, served, true, any_gain = (special.softmax(each * logits, axis=1) for each in scales)
    losses = [
        estimate_one(LOG_LOSS, labels, each).value for each in (without, served, true, any_gain)
    ]
    errors = [estimate_one(CALIBRATION_ERROR, labels, each).value for each in (without, served)]
    found = (losses[0], losses[1], losses[2]), (errors[0], errors[1])
    return Found(fitted, *found, losses[3])


def cases() -> Iterator[Case]:
    """Yields models that are not sure enough, calibrated, and too sure; few and many texts."""
    for each in itertools.product((0.5, 1.0, 2.0, 4.0), (50, 400, 2500), (2, 5)):
        yield Case(*each)


def summarized(found: dict[Case, list[Found]]) -> Iterator[figures.Figure]:
    """Yields the log loss gained where models are off, and what is lost where they are not."""
    changes = {
        case: [each.log_loss[1] - each.log_loss[0] for each in models]
        for case, models in found.items()
    }
    for texts in dict.fromkeys(case.texts for case in found):
        of_size = {case: each for case, each in changes.items() if case.texts == texts}
        off = np.concatenate([each for case, each in of_size.items() if case.sureness != 1])
        fit = np.concatenate([each for case, each in of_size.items() if case.sureness == 1])
        named = f"{texts:,} eval texts"
        yield figures.Figure(f"log loss changed, off, {named}", off.mean(), "nats")
        yield figures.Figure(f"share made worse, off, {named}", (off > 0).mean(), "share")
        yield figures.Figure(f"log loss changed, calibrated, {named}", fit.mean(), "nats")
        yield from _by_any_gain({case: found[case] for case in of_size}, named)


def _by_any_gain(found: dict[Case, list[Found]], named: str) -> Iterator[figures.Figure]:
    """Yields how often calibrated models get one by either rule, and what any gain changes."""
    fit = [each for case, models in found.items() if case.sureness == 1 for each in models]
    off = [each for case, models in found.items() if case.sureness != 1 for each in models]
    kept = np.mean([each.temperature != temperature.UNCHANGED for each in fit])
    yield figures.Figure(f"temperature kept, calibrated, {named}", float(kept), "share")
    kept = np.mean([each.by_any_gain != each.log_loss[0] for each in fit])
    by_any = f"by any gain, {named}"
    yield figures.Figure(f"temperature kept, calibrated, {by_any}", float(kept), "share")
    for name, models in (("off", off), ("calibrated", fit)):
        change = np.mean([each.by_any_gain - each.log_loss[0] for each in models])
        yield figures.Figure(f"log loss changed, {name}, {by_any}", float(change), "nats")


def main() -> None:
    """Prints what each case gives, and keeps the summary."""
    parser = argparse.ArgumentParser(description="Simulates what a fitted temperature gains.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_MODELS} models of each case")
    parser.add_argument("--output", type=Path, metavar="DIR", help="output folder of a run")
    figures.add_results_option(parser)
    arguments = parser.parse_args()
    models, flag = (QUICK_MODELS, " --quick") if arguments.quick else (MODELS, "")
    started = time.monotonic()
    found: dict[Case, list[Found]] = {}
    for case in cases():
        found[case] = simulate(case, models)
        print(f"{case!s:<46} {_line(found[case])}", flush=True)
    print(f"{time.monotonic() - started:.1f} s")
    if arguments.output:
        _print_run(arguments.output)
    figures.publish(list(summarized(found)), f"{_COMMAND}{flag}", arguments.results)


def _line(found: list[Found]) -> str:
    kept = np.mean([each.temperature != temperature.UNCHANGED for each in found])
    mean = np.mean([each.temperature for each in found])
    without, served, true = np.mean([each.log_loss for each in found], axis=0)
    before, after = np.mean([each.calibration_error for each in found], axis=0)
    return (
        f"fitted {kept:4.0%}, mean {mean:.2f}, log loss {without:.3f} to {served:.3f} (true "
        f"{true:.3f}), calibration error {100 * before:.1f} to {100 * after:.1f} points"
    )


def _print_run(output: Path) -> None:
    """Prints what the temperatures of a run's two models change on its test split."""
    for name, model in Summary.load(output / "report").models.items():
        found = model.calibration
        if found is not None:
            print(
                f"{name:<46} temperature {found.temperature:.2f}, log loss "
                f"{found.log_loss_before:.3f} to {found.log_loss:.3f}, calibration error "
                f"{100 * found.calibration_error_before:.1f} to "
                f"{100 * found.calibration_error:.1f} points"
            )


if __name__ == "__main__":
    main()
