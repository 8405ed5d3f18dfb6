"""Finished runs as tables: a metric is one cell, with the bounds of its interval."""

import itertools
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from albert_tfx.contract import (
    ALL_SHORT_TITLES,
    FINE_TUNED,
    FROZEN,
    SHORT_TITLES,
    YARDSTICK,
)
from albert_tfx.evaluation.measurements import (
    Comparison,
    Disagreement,
    Interval,
    ModelMetrics,
    SliceComparison,
)
from albert_tfx.evaluation.metrics import ACCURACY, METRICS, Metric
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.release import notation
from albert_tfx.report.summary import Summary
from albert_tfx.report.wording import served, splits, verdict
from albert_tfx.report.wording.comparison import yardstick
from pipelines.runs import PipelineRun

DIFFERENCE = f"{SHORT_TITLES[FINE_TUNED]} less {SHORT_TITLES[FROZEN].lower()}"
_UNKNOWN = "-"
# Where a run writes to is no option that its findings depend on.
_WITHOUT = ("--output",)


class Shown(pd.DataFrame):
    """A table that a notebook shows with words to the left, and nothing where nothing is known."""

    def _repr_html_(self) -> str:
        shown = self.to_html(na_rep="", notebook=True)
        has_numbers = any(map(pd.api.types.is_numeric_dtype, self.dtypes))
        return shown if has_numbers else shown.replace("<td>", '<td style="text-align: left">')


def answer(summary: Summary) -> pd.Series:
    """Returns what a run found, in words: the verdict, the winner and why, the yardstick, test."""
    found = {
        "answer": verdict.headline(summary),
        "winner": served.winner(summary),
        "reason": summary.reason,
        "yardstick": yardstick(summary),
        "on test": splits.reached_on_test(summary),
    }
    return pd.Series({name: text for name, text in found.items() if text}, name="")


def comparison(found: Comparison) -> pd.DataFrame:
    """Returns one row a metric: each model's, and what fine-tuning changes, paired by text.

    Of several trainings the models' columns are the exported ones, the difference their mean.
    """
    columns = {ALL_SHORT_TITLES[name]: _cells(each) for name, each in _models(found).items()}
    difference = f"{DIFFERENCE}, mean of {found.seeds} trainings" if found.seeds > 1 else DIFFERENCE
    columns[difference] = {
        name: _changed(_metric(name), each) for name, each in found.all_differences.items()
    }
    return pd.DataFrame(columns).rename_axis("metric").fillna("")


def slices(found: Comparison) -> pd.DataFrame:
    """Returns one row a slice: its texts, each model's accuracy on them, and the difference."""
    rows = {
        each.name: {
            "texts": each.examples,
            **{
                ALL_SHORT_TITLES[model]: _bounded(ACCURACY, accuracy)
                for model, accuracy in _accuracies(each).items()
            },
            DIFFERENCE: _changed(ACCURACY, each.difference),
        }
        for each in found.slices
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("slice")


def histories(found: Mapping[str, TrainingHistory]) -> pd.DataFrame:
    """Returns one row an epoch, with a column for each model and metric."""
    tables = {SHORT_TITLES[name]: pd.DataFrame(list(each.epochs)) for name, each in found.items()}
    table = pd.concat(tables, axis=1)
    return Shown(table.set_axis(range(1, len(table) + 1), axis=0).rename_axis("epoch"))


def runs(found: Sequence[PipelineRun]) -> pd.DataFrame:
    """Returns one row a run: what it found, and the options in which it differs from others."""
    summaries = [run.summary() for run in found]
    records = [_record(run, each) for run, each in zip(found, summaries, strict=True)]
    table = pd.DataFrame(records, index=[run.number for run in found])
    options = pd.DataFrame(differing([each.command for each in summaries]), index=table.index)
    return table.join(options).rename_axis("run")


def differing(commands: Sequence[str]) -> list[dict[str, str]]:
    """Returns the options that are not the same in all commands, for each command.

    >>> differing(["python local_runner.py", "python local_runner.py --seed=2 --output b"])
    [{'--seed': 'default'}, {'--seed': '2'}]
    """
    given = [_options(shlex.split(command)) for command in commands]
    names = dict.fromkeys(name for options in given for name in options)
    changing = [n for n in names if len({options.get(n) for options in given}) > 1]
    return [{name: options.get(name, "default") for name in changing} for options in given]


def texts(found: Sequence[Disagreement], most: int = 10) -> pd.DataFrame:
    """Returns one row a text on which the models disagree: its label, and each model's answer."""
    rows = [
        {
            "text": each.text,
            "label": each.label,
            SHORT_TITLES[FROZEN]: f"{each.frozen} ({each.frozen_probability:.0%})",
            SHORT_TITLES[FINE_TUNED]: f"{each.fine_tuned} ({each.fine_tuned_probability:.0%})",
        }
        for each in found[:most]
    ]
    return Shown(rows)


def compared(earlier: PipelineRun, later: PipelineRun) -> pd.DataFrame:
    """Returns both runs' metrics on their eval splits, and how they changed.

    The runs need not have had the same texts, so that the change has no interval of its own.
    """
    before, after = (_models(run.comparison()) for run in (earlier, later))
    rows = {
        (ALL_SHORT_TITLES[model], name): {
            f"run {earlier.number}": _bounded(_metric(name), before[model][name]),
            f"run {later.number}": _bounded(_metric(name), interval),
            "change": _changed(_metric(name), Interval(interval.value - before[model][name].value)),
        }
        for model, metrics in after.items()
        if model in before
        for name, interval in metrics.intervals.items()
        if name in before[model].intervals
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["model", "metric"])


def over_time(found: Iterable[PipelineRun]) -> pd.DataFrame:
    """Returns one row a run and model, the oldest run first, with what the terminal shows."""
    shown = [each for each in METRICS.values() if each.in_terminal]
    rows = {
        (run.number, ALL_SHORT_TITLES[model]): {
            each.name: _bounded(each, metrics[each.name]) for each in shown
        }
        for run in found
        for model, metrics in _models(run.comparison()).items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["run", "model"])


def _bounded(metric: notation.Measure, interval: Interval) -> str:
    """Returns a value with its bounds, where it has some: `94.1% (89.2% to 96.9%)`."""
    return notation.bounded_value(metric, interval) if math.isfinite(interval.value) else _UNKNOWN


def _changed(metric: notation.Measure, interval: Interval) -> str:
    """Returns a difference likewise: `+5.2 points (+3.0 to +7.4)`."""
    return notation.bounded_change(metric, interval) if math.isfinite(interval.value) else _UNKNOWN


def _metric(name: str) -> Metric:
    """Returns the metric of a name, such as `recall` or `recall:CLASS`, as far as it is shown."""
    return METRICS[name.partition(":")[0]]


def _models(found: Comparison) -> dict[str, ModelMetrics]:
    models = {FROZEN: found.frozen, FINE_TUNED: found.fine_tuned}
    return models if found.yardstick is None else {**models, YARDSTICK: found.yardstick}


def _accuracies(part: SliceComparison) -> dict[str, Interval]:
    known = {FROZEN: part.frozen, FINE_TUNED: part.fine_tuned}
    return known if part.yardstick is None else {**known, YARDSTICK: part.yardstick}


def _cells(metrics: ModelMetrics) -> dict[str, str]:
    cells = {name: _bounded(_metric(name), each) for name, each in metrics.intervals.items()}
    return {**cells, "texts": f"{metrics.examples:,}"}


def _record(run: PipelineRun, summary: Summary) -> dict[str, str]:
    return {
        "started": f"{run.started:%Y-%m-%d %H:%M}",
        "winner": served.winner(summary),
        f"{DIFFERENCE}, accuracy": _changed(ACCURACY, summary.difference[ACCURACY.name]),
        "on test": _bounded(ACCURACY, summary.test.metrics.accuracy),
    }


def _options(words: Sequence[str]) -> dict[str, str]:
    """Returns the options of a command line by name; of one that is repeated all values."""
    found: dict[str, str] = {}
    for word, following in itertools.zip_longest(words, words[1:], fillvalue="--"):
        name, has_value, value = word.partition("=")
        if name.startswith("--") and name not in _WITHOUT:
            if not has_value:
                value = "given" if following.startswith("--") else following
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found
