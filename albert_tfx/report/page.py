"""`index.html`: what a run found, on one page that needs nothing but itself."""

import base64
import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jinja2
import markupsafe
import pandas as pd

from albert_tfx.contract import EVAL, SHORT_TITLES, TEST, TRAIN
from albert_tfx.evaluation.curves import Curves
from albert_tfx.evaluation.measurements import Disagreement
from albert_tfx.report import wording
from albert_tfx.report.lineage import SourceArtifact
from albert_tfx.report.plot_style import points
from albert_tfx.report.wording import is_known

TEMPLATE = "page.html.j2"

MAX_REVIEWS = 20
MAX_CHARACTERS = 600
MAX_CLASSES = 30  # of the confusion matrix as a table
UNKNOWN = "not known"

_YARDSTICK = "yardstick"
_SHARES = ("accuracy", "precision", "recall", "f1")
_METRICS = {
    "accuracy": "Accuracy",
    "auc": "AUC",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "log_loss": "Log loss (less is better)",
    "calibration_error": "Calibration error (less is better)",
}


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure as the page shows it.

    Attributes:
      finding: What it shows, in one sentence.
      wide: PNG.
      narrow: PNG for screens that are narrow, or None where `wide` will do.
    """

    finding: str
    wide: bytes
    narrow: bytes | None = None


def render(
    summary: Mapping[str, Any],
    pictures: Mapping[str, Picture],
    curves: Mapping[str, Curves],
    disagreements: Sequence[Disagreement],
    sources: Sequence[SourceArtifact],
) -> str:
    """Writes the page.

    Args:
      summary: See `report_summary.summarize`; without `production`, `duplicates` or `yardstick`,
        the page does without them.
      pictures: By their file's name without its ending.
      curves: By model; of the confusion matrix.
      disagreements: The surest first; `MAX_REVIEWS` of them are shown.
      sources: Artifacts that the report was made of.

    Returns:
      HTML.
    """
    page = _environment().get_template(TEMPLATE)
    return page.render(
        summary=summary,
        models=SHORT_TITLES,
        metrics=[_metric_row(name, summary) for name in _METRICS],
        splits=[each for each in (TRAIN, EVAL, TEST) if each in summary["examples"]],
        pictures=pictures,
        confusion={name: _table(each.confusion) for name, each in curves.items()},
        disagreements=disagreements[:MAX_REVIEWS],
        all_disagreements=len(disagreements),
        sources=sources,
        wording=wording,
        costs=_COSTS,
        uses_yardstick=bool(summary.get(_YARDSTICK)),
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "share": share,
        "interval": lambda record: _interval(record, share),
        "points": lambda record: _interval(record, points),
        "sentence": _sentence,
        "points_sentence": _points_sentence,
        "decimal": decimal,
        "count": count,
        "seconds": seconds,
        "size": size,
        "data_uri": data_uri,
        "excerpt": excerpt,
    }
    return environment


def share(value: float | None) -> str:
    """Formats a share.

    >>> [share(value) for value in (0.8125, None)]
    ['81.2%', 'not known']
    """
    return f"{value:.1%}" if is_known(value) else UNKNOWN


def decimal(value: float | None) -> str:
    """Formats a number that is no share.

    >>> decimal(0.69315)
    '0.693'
    """
    return f"{value:.3f}" if is_known(value) else UNKNOWN


def count(value: float | None) -> str:
    """Formats a whole number.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{value:,.0f}" if is_known(value) else UNKNOWN


def word(value: str | None) -> str:
    """Returns a word as it is.

    >>> word("bfloat16")
    'bfloat16'
    """
    return value or UNKNOWN


def seconds(value: float | None) -> str:
    """Formats a duration.

    >>> [seconds(value) for value in (0.0042, 0.9, 12.3, 2369)]
    ['4.2 ms', '0.9 s', '12.3 s', '39 min 29 s']
    """
    if not is_known(value):
        return UNKNOWN
    if value < 0.1:
        return f"{1000 * value:.1f} ms"
    if value < 1:
        return f"{value:.2g} s"
    minutes, rest = divmod(round(value), 60)
    return f"{value:.1f} s" if not minutes else f"{minutes:,} min {rest} s"


def size(value: float | None) -> str:
    """Formats a number of bytes.

    >>> size(5_400_000)
    '5.4 MB'
    """
    return f"{value / 1e6:,.1f} MB" if is_known(value) else UNKNOWN


def data_uri(png: bytes) -> str:
    """Returns an image as its own address."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def excerpt(text: str) -> str:
    """Cuts a long text off at a word.

    >>> excerpt("a film")
    'a film'
    """
    text = text.strip()
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS].rsplit(maxsplit=1)[0]}…"


# What it is, its key in the summary, and how it is written.
_COSTS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("Training", "train_seconds", seconds),
    ("Training's matrix products", "training_precision", word),
    ("Weights trained", "trainable_parameters", count),
    ("Weights in all", "parameters", count),
    ("Size on disk", "model_bytes", size),
    ("One review, median", "latency_seconds", seconds),
    ("One review, slowest tenth", "slow_latency_seconds", seconds),
)


def _metric_row(name: str, summary: Mapping[str, Any]) -> dict[str, Any]:
    columns = {model: summary["models"][model] for model in SHORT_TITLES}
    if summary.get(_YARDSTICK):
        columns[_YARDSTICK] = summary[_YARDSTICK].get(EVAL) or {}
    form = share if name in _SHARES else decimal
    difference = summary["difference"].get(name) or {}
    signed = points if name in _SHARES else _signed
    return {
        "name": _METRICS[name],
        "cells": [_interval(_bounds(each, name), form) for each in columns.values()],
        "difference": _interval(difference, signed),
    }


def _bounds(record: Mapping[str, Any], name: str) -> dict[str, float | None]:
    keys = {"value": name, "lower": f"{name}_lower", "upper": f"{name}_upper"}
    return {bound: record.get(key) for bound, key in keys.items()}


def _interval(
    interval: Mapping[str, float | None], form: Callable[[float], str]
) -> markupsafe.Markup:
    """Formats a value, its bounds on a line of their own."""
    value, lower, upper = (interval.get(key) for key in ("value", "lower", "upper"))
    if not is_known(value):
        return markupsafe.Markup('<span class="muted">{}</span>').format(UNKNOWN)
    if not is_known(lower) or not is_known(upper):
        return markupsafe.Markup("{}").format(form(value))
    return markupsafe.Markup('{} <span class="bounds">{} to {}</span>').format(
        form(value), form(lower), form(upper)
    )


def _sentence(record: Mapping[str, Any], name: str = "accuracy") -> str:
    """Formats a share and its bounds, as part of a sentence."""
    value, lower, upper = _bounds(record, name).values()
    if not is_known(lower) or not is_known(upper):
        return share(value)
    return f"{share(value)} ({share(lower)} to {share(upper)})"


def _points_sentence(interval: Mapping[str, float | None]) -> str:
    """Formats a difference of shares and its bounds, likewise."""
    value, lower, upper = (interval.get(key) for key in ("value", "lower", "upper"))
    if not is_known(value):
        return UNKNOWN
    bounds = f" ({points(lower)} to {points(upper)})" if is_known(lower) and is_known(upper) else ""
    return f"{points(value)}{bounds} points"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _table(counts: pd.DataFrame) -> dict[str, Any] | None:
    """Returns headings and rows; None where there are too many classes to show."""
    if len(counts) > MAX_CLASSES:
        return None
    return {
        "answers": list(map(str, counts.columns)),
        "rows": dict(zip(map(str, counts.index), counts.to_numpy().tolist(), strict=True)),
    }
