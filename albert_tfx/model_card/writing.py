"""`MODEL_CARD.md`, made of a run's summary by the sentences and the notation of its page.

Its parts are those of Mitchell et al. 2019, "Model Cards for Model Reporting", as far as a run
knows of them.
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence

import jinja2

from albert_tfx.contract import ALL_TITLES, EVAL, TEST, TRAIN, YARDSTICK
from albert_tfx.evaluation.measurements import ClassMetrics, Interval, ModelMetrics
from albert_tfx.evaluation.metrics import METRICS
from albert_tfx.printable import printable
from albert_tfx.release.notation import is_known
from albert_tfx.report import page
from albert_tfx.report.summary import ModelSummary, Summary, YardstickSummary

TEMPLATE = "model_card.md.j2"


def render(summary: Summary) -> str:
    """Returns the card of the selected model as Markdown."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(
        summary=summary,
        title=ALL_TITLES[summary.selected],
        is_yardstick=summary.selected == YARDSTICK,
        wording=page.WORDING,
        settings=_settings(summary),
        data=_table(_data(summary)),
        figures=_table(_figures(summary.test.metrics)),
        classes=_table(_classes(summary.classes.get(summary.selected, ()))),
        costs=_table(_costs(_selected(summary))),
        cell=_cell,
    )


def _selected(summary: Summary) -> ModelSummary | YardstickSummary | None:
    return summary.yardstick if summary.selected == YARDSTICK else summary.models[summary.selected]


def _settings(summary: Summary) -> Mapping[str, str]:
    """Returns how the selected model was trained, by what it is called."""
    known = page.training_settings(summary)
    if summary.selected != YARDSTICK or summary.yardstick is None or summary.settings is None:
        return known
    trained_on = page.count(summary.yardstick.train_examples)
    return {"class weights": summary.settings.class_weights, "trained on": f"{trained_on} texts"}


def _data(summary: Summary) -> list[Sequence[str]]:
    splits = [each for each in (TRAIN, EVAL, TEST) if each in summary.examples]
    counted = [each for each in splits if each in summary.labels]
    names = list(next(iter(summary.labels.values()), ()))
    return [
        ("class", *splits),
        *(
            (name, *(page.count(summary.labels[split][name]) for split in counted))
            for name in names
        ),
        ("all", *(page.count(summary.examples[split]) for split in splits)),
    ]


def _figures(metrics: ModelMetrics) -> list[Sequence[str]]:
    rows = [
        (
            each.title,
            _interval(metrics[each.name], page.share if each.is_percentage else page.decimal),
        )
        for each in METRICS.values()
    ]
    return [("metric", "value"), *rows]


def _classes(classes: Sequence[ClassMetrics]) -> list[Sequence[str]]:
    rows = [
        (
            each.name,
            page.count(each.examples),
            *(_interval(value, page.share) for value in (each.precision, each.recall, each.f1)),
        )
        for each in classes
    ]
    return [("class", "texts", "precision", "recall", "F1"), *rows]


def _costs(model: ModelSummary | YardstickSummary | None) -> list[Sequence[str]]:
    return [
        ("cost", "value"),
        *((name.lower(), form(getattr(model, key, None))) for name, key, form in page.COSTS),
    ]


def _interval(interval: Interval, form: Callable[[float | None], str]) -> str:
    if not is_known(interval.value) or not is_known(interval.lower) or not is_known(interval.upper):
        return form(interval.value)
    return f"{form(interval.value)} ({form(interval.lower)} to {form(interval.upper)})"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Returns a table of Markdown; the first row is its heading."""
    heading, *others = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join([heading, f"|{'---|' * len(rows[0])}", *others])


def _cell(text: str) -> str:
    """Returns a text on one line, without what means something in Markdown or HTML.

    >>> _cell("a <i>")
    'a &lt;i&gt;'
    """
    plain = " ".join(printable(text).split())
    return plain.translate(_ESCAPED)


_ESCAPED: Mapping[int, str] = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", **{each: f"\\{each}" for each in "\\|*`[]#"}}
)
