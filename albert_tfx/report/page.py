"""`index.html`: what a run found, on one page that needs nothing but itself."""

import base64
import dataclasses
import math
import pathlib
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jinja2
import markupsafe
import pandas as pd

from albert_tfx.contract import ALL_NAMES, ALL_SHORT_TITLES, EVAL, SHORT_TITLES, TEST, TRAIN
from albert_tfx.evaluation.curves import Curves
from albert_tfx.evaluation.measurements import (
    Disagreement,
    Interval,
    Mistake,
    SliceComparison,
)
from albert_tfx.evaluation.metrics import ACCURACY, METRICS, Metric
from albert_tfx.printable import printable
from albert_tfx.release import notation
from albert_tfx.release.notation import is_known, points
from albert_tfx.report.summary import Summary
from albert_tfx.report.wording import comparison, deciding, encoder, limits, served, splits, verdict
from albert_tfx.storage import component_folder

TEMPLATE = "page.html.j2"

MAX_REVIEWS = 20
MAX_CHARACTERS = 600
MAX_CLASSES = 30  # of the confusion matrix as a table
UNKNOWN = "not known"
_OPTION = re.compile(r"--[a-z]+(-[a-z]+)*")
_NOT_MEASURED = Interval(math.nan)
# The modules whose sentences the templates of the page and of the model card place.
WORDING: Mapping[str, types.ModuleType] = {
    each.__name__.rpartition(".")[2]: each
    for each in (comparison, encoder, limits, served, splits, verdict)
}


@dataclasses.dataclass(frozen=True)
class SourceArtifact:
    """An artifact that a report read.

    Attributes:
      role: Name of the report's input.
      producer: Id of the component that made it; empty where the runner does not say.
      type_name: Its type in ML Metadata.
      id: Its id there.
      uri: Its folder.
    """

    role: str
    producer: str
    type_name: str
    id: int
    uri: str


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure as the page shows it.

    Attributes:
      finding: What it shows, in one sentence.
      wide: PNG.
      narrow: PNG for narrow screens, or None where `wide` serves them as well.
    """

    finding: str
    wide: bytes
    narrow: bytes | None = None


def render(
    summary: Summary,
    pictures: Mapping[str, Picture],
    curves: Mapping[str, Curves],
    disagreements: Sequence[Disagreement],
    sources: Sequence[SourceArtifact],
    mistakes: Sequence[Mistake] = (),
) -> str:
    """Returns the page as HTML.

    Args:
      summary: What the run found; what it lacks, the page leaves out.
      pictures: By their file's name without its ending.
      curves: By model; of the confusion matrix.
      disagreements: The most confident first; `MAX_REVIEWS` of them are shown.
      sources: Artifacts that the report was made of.
      mistakes: The selected model's on `test`, the most confident first; as many are shown.
    """
    page = _environment().get_template(TEMPLATE)
    return page.render(
        summary=summary,
        names=ALL_NAMES,
        models=SHORT_TITLES,
        compared=_compared(summary),
        decides=deciding.heading(summary),
        has_changes=any(each.change is not None for each in summary.slices),
        metrics=[_metric_row(each, summary) for each in METRICS.values()],
        splits=[each for each in (TRAIN, EVAL, TEST) if each in summary.examples],
        pictures=pictures,
        confusion={name: _table(each.confusion) for name, each in curves.items()},
        disagreements=disagreements[:MAX_REVIEWS],
        all_disagreements=len(disagreements),
        mistakes=mistakes[:MAX_REVIEWS],
        sources=sources,
        wording=WORDING,
        costs=[*_training_costs(summary), *(_cost_row(*each, summary) for each in COSTS[1:])],
        settings=training_settings(summary),
    )


def trace(artifacts: Iterable[SourceArtifact], output_uri: str) -> list[SourceArtifact]:
    """Returns the artifacts in the order in which they were made, with folders below the root.

    Args:
      artifacts: The artifacts by the names of the report's inputs.
      output_uri: The report's own folder.
    """
    root, _, _ = component_folder(output_uri).rpartition("/")
    return [
        dataclasses.replace(
            each, role=each.role.replace("_", " "), uri=each.uri.removeprefix(f"{root}/")
        )
        for each in sorted(artifacts, key=lambda each: (each.id, each.role))
    ]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        finalize=_printable,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "share": share,
        "interval": lambda interval: _interval(interval, share),
        "points": lambda interval: _interval(interval, points),
        "signed": lambda interval: _interval(interval, _signed),
        "sentence": _sentence,
        "change": _change,
        "value_on_slice": _value_on_slice,
        "points_sentence": _points_sentence,
        "decimal": decimal,
        "count": count,
        "seconds": seconds,
        "size": size,
        "data_uri": data_uri,
        "excerpt": excerpt,
        "unbroken": unbroken,
    }
    return environment


def _printable(value: Any) -> Any:
    is_plain = isinstance(value, str) and not isinstance(value, markupsafe.Markup)
    return printable(value) if is_plain else value


def unbroken(text: str) -> markupsafe.Markup:
    """Returns a sentence in which no line ends within an option.

    >>> unbroken("Chosen with --abstain-below.")
    Markup('Chosen with <span class="option">--abstain-below</span>.')
    """
    escaped = str(markupsafe.escape(printable(text)))
    return markupsafe.Markup(_OPTION.sub(r'<span class="option">\g<0></span>', escaped))


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


def rate(value: float | None) -> str:
    """Formats a learning rate.

    >>> [rate(value) for value in (3e-5, 0.002)]
    ['3e-05', '0.002']
    """
    return f"{value:g}" if is_known(value) else UNKNOWN


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


def memory(value: float | None) -> str:
    """Formats an amount of memory.

    >>> [memory(value) for value in (312_500_000, math.nan)]
    ['312.5 MB', 'not measured']
    """
    return size(value) if is_known(value) else "not measured"


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


# Heading, key in the summary, and format.
COSTS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("Training", "train_seconds", seconds),
    ("Training's matrix products", "training_precision", word),
    ("Matrix products of its answers", "inference_precision", word),
    ("Training, memory", "train_memory_bytes", memory),
    ("Peak learning rate", "learning_rate", rate),
    ("Weights trained", "trainable_parameters", count),
    ("Weights in all", "parameters", count),
    ("Size on disk", "model_bytes", size),
    ("One text, median", "latency_seconds", seconds),
    ("One text, slowest tenth", "slow_latency_seconds", seconds),
)


def _compared(summary: Summary) -> dict[str, str]:
    """Returns what was compared, by its key and with its heading."""
    return SHORT_TITLES if summary.yardstick is None else ALL_SHORT_TITLES


def _metric_row(metric: Metric, summary: Summary) -> dict[str, Any]:
    columns = [summary.models[model].metrics for model in SHORT_TITLES]
    differences = [summary.difference]
    if summary.yardstick:
        columns.append(summary.yardstick.eval)
        differences += [summary.yardstick.gain.get(model, {}) for model in SHORT_TITLES]
    form, signed = (share, points) if metric.is_percentage else (decimal, _signed)
    return {
        "name": _heading(metric),
        "cells": [_interval(each[metric.name], form) for each in columns]
        + [_interval(each.get(metric.name, _NOT_MEASURED), signed) for each in differences],
    }


def training_settings(summary: Summary) -> dict[str, str]:
    """Returns how the models were trained, by what it is called."""
    if summary.settings is None:
        return {}
    models = {name: summary.models[model] for model, name in SHORT_TITLES.items()}
    sizes = (f"{SHORT_TITLES[each].lower()} {n}" for each, n in summary.settings.batch_size.items())
    return {
        "most tokens of a text": f"{summary.settings.sequence_length:,}",
        "kept of a longer one": summary.settings.truncation.replace("_", " and "),
        "epochs": ", ".join(f"{name.lower()} {len(m.epochs)}" for name, m in models.items()),
        "peak rate": ", ".join(f"{n.lower()} {rate(m.learning_rate)}" for n, m in models.items()),
        "texts in a batch": ", ".join(sizes),
        "class weights": summary.settings.class_weights,
        "first seed": f"{summary.seed}",
        "trainings of each": f"{summary.seeds}",
    }


def _training_costs(summary: Summary) -> list[dict[str, Any]]:
    """Returns the rows of what training costs: time, its factor, and money where that is known."""
    row = _cost_row(*COSTS[0], summary)
    measured: list[Any] = [summary.models[model] for model in SHORT_TITLES]
    measured += [summary.yardstick] if summary.yardstick else []
    durations = [each.train_seconds for each in measured]
    least = min((each for each in durations if is_known(each) and each > 0), default=math.nan)
    rows = [
        row,
        {"name": "Training, as a factor", "cells": [_factor(d / least) for d in durations]},
    ]
    price = summary.settings.price_per_hour if summary.settings else None
    if price is not None:
        cells = [_money(each / 3600 * price) for each in durations]
        rows.append({"name": f"Training, at {price:g} an hour", "cells": cells})
    return rows


def _factor(value: float) -> str:
    return f"{value:,.3g} times" if is_known(value) else UNKNOWN


def _money(value: float) -> str:
    return f"{value:,.2g}" if is_known(value) else UNKNOWN


def _cost_row(name: str, key: str, form: Callable[[Any], str], summary: Summary) -> dict[str, Any]:
    measured: list[Any] = [summary.models[model] for model in SHORT_TITLES]
    if summary.yardstick:
        measured.append(summary.yardstick)
    return {"name": name, "cells": [form(getattr(each, key, None)) for each in measured]}


def _heading(metric: Metric) -> str:
    title = metric.title[0].upper() + metric.title[1:]
    return title if metric.higher_is_better else f"{title} (less is better)"


def _interval(interval: Interval, form: Callable[[float], str]) -> markupsafe.Markup:
    """Formats a value, its bounds on a line of their own."""
    if not is_known(interval.value):
        return markupsafe.Markup('<span class="muted">{}</span>').format(UNKNOWN)
    if not is_known(interval.lower) or not is_known(interval.upper):
        return markupsafe.Markup("{}").format(form(interval.value))
    return markupsafe.Markup('{} <span class="bounds">{} to {}</span>').format(
        form(interval.value), form(interval.lower), form(interval.upper)
    )


def _sentence(interval: Interval) -> str:
    """Formats a share and its bounds, as part of a sentence."""
    if not is_known(interval.lower) or not is_known(interval.upper):
        return share(interval.value)
    return f"{share(interval.value)} ({share(interval.lower)} to {share(interval.upper)})"


def _points_sentence(interval: Interval | None) -> str:
    """Formats a difference of shares and its bounds, as part of a sentence."""
    if interval is None or not is_known(interval.value):
        return UNKNOWN
    return notation.bounded_change(ACCURACY, interval)


def _value_on_slice(part: SliceComparison, model: str) -> markupsafe.Markup:
    """Formats what decides on a slice, of a model or the yardstick."""
    form = share if _is_percentage(part) else decimal
    return _interval(part.value(model) or _NOT_MEASURED, form)


def _is_percentage(part: SliceComparison) -> bool:
    return METRICS[part.metric.partition(":")[0]].is_percentage


def _change(part: SliceComparison) -> markupsafe.Markup:
    """Formats what fine-tuning changes of the metric that decides on a slice."""
    return _interval(part.deciding, points if _is_percentage(part) else _signed)


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
