"""The output of a run: a live table on a terminal, a few plain lines anywhere else."""

import contextlib
import logging
import math
import os
import pathlib
import re
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from albert_tfx.contract import ALL_SHORT_TITLES, FINE_TUNED, FROZEN, PAGE_FILE
from albert_tfx.evaluation.measurements import Interval, ModelMetrics
from albert_tfx.evaluation.metrics import ACCURACY, METRICS
from albert_tfx.printable import printable
from albert_tfx.progress import Progress
from albert_tfx.release import notation
from albert_tfx.report.summary import Summary
from albert_tfx.report.wording import comparison, deciding, encoder, served, splits, verdict
from pipelines.local.component_states import ComponentState, ComponentStates, State, follow

# Of the 256 colours that no theme changes, those that can be read on white as well as on black.
_GREY, _BLUE = "color(244)", "color(31)"
_STYLES = {
    State.WAITING: _GREY,
    State.RUNNING: "bold",
    State.DONE: "color(28)",
    State.CACHED: _BLUE,
    State.SKIPPED: _GREY,
    State.FAILED: "bold color(196)",
}
_PROGRESS_LINES = 2
# In letters: of the live table's bar, of the space between its columns, of a state, and of
# `12,345.6 s`.
_BAR, _GAP, _STATE, _TIME = 20, 2, max(map(len, State)), 10
_WIDTH = 80
_INDENT = 12 * " "
_UNKNOWN = Interval(math.nan)
# A name, then blanks up to the margin in which names are.
_IN_MARGIN = re.compile(r"(?=\S.{10} \S)\S+( \S+)* +\S")


class Screen:
    """The terminal, or the file or pipe in its place."""

    def __init__(self, output: TextIO) -> None:
        """Writes to `output`, with colours and a live display only if that is a terminal."""
        self._console = Console(file=output, force_terminal=output.isatty(), highlight=False)
        self._is_live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._live: Live | None = None

    def say(self, text: RenderableType) -> None:
        """Writes lines, which a terminal gets no longer than it is wide, or one table."""
        if not isinstance(text, str):
            self._console.print(text)
            return
        width = self._console.width if self._is_live else None
        shown = _wrapped(printable(text), width) if width else printable(text)
        self._console.print(shown, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def busy(self, line: str) -> Iterator[None]:
        """Shows what is being waited for; on a terminal, only as long as it lasts.

        Warnings of our own code appear as well.
        """
        with _warnings_to(self):
            if not self._is_live:
                self.say(line)
                yield
            else:
                with self._moving(Spinner("dots", line), transient=True):
                    yield

    @contextlib.contextmanager
    def follow(
        self, components: Iterable[str], seconds: Mapping[str, float] | None = None
    ) -> Iterator[ComponentStates]:
        """Shows the state of each of `components` while the block runs them.

        Args:
          components: Their ids.
          seconds: How long they took before, by which the share of the run that is done is told.
        """
        if not self._is_live:
            with follow(ComponentStates(components, _PlainLines(self).show)) as states:
                yield states
        else:
            states = ComponentStates(components, lambda _: None, seconds)
            with self._moving(_StatesTable(states)), follow(states):
                yield states

    def conclude(self, summary: Summary, folder: str, remarks: Iterable[str] = ()) -> None:
        """Shows both models, which won and why, and where the results are.

        Args:
          summary: Summary of the run.
          folder: The run's output folder.
          remarks: What was said at the start, for who reads only the end.
        """
        width = min(_WIDTH, self._console.width) if self._is_live else _WIDTH
        self.say("")
        self.say(_wrapped(f"{'verdict':<12}{verdict.headline(summary)}.", width))
        self.say("")
        self.say(_models_table(summary, width))
        self.say("")
        notes = (("note", remark) for remark in remarks)
        for name, text in (*_outcome(summary, folder).items(), *notes):
            self.say(_wrapped(f"{name:<12}{text}", width))

    def close(self, line: str) -> None:
        """Stops the live display and writes a last line below it; works from any thread."""
        if self._live is not None:
            self._live.stop()
        self.say(line)

    @contextlib.contextmanager
    def _moving(self, renderable: RenderableType, transient: bool = False) -> Iterator[None]:
        self._live = Live(
            renderable,
            console=self._console,
            transient=transient,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with self._live:
            yield
        self._live = None


@contextlib.contextmanager
def _warnings_to(screen: Screen) -> Iterator[None]:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            screen.say(record.getMessage())

    handler, logger = Handler(logging.WARNING), logging.getLogger("albert_tfx")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _PlainLines:
    """One line when a component starts, one when it ends, and a few while it runs."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._lines: Counter[str] = Counter()

    def show(self, state: ComponentState) -> None:
        name = f"{state.component:<30}"
        if state.state is not State.RUNNING:
            self._screen.say(f"{name}{state.state:<10}{_seconds(state)}".rstrip())
        elif state.progress is None:
            self._screen.say(f"{name}{state.state}")
        elif self._is_due(state.progress):
            self._screen.say(f"{name}{'':<10}{_detail(state)}")

    def _is_due(self, progress: Progress) -> bool:
        """Returns whether the next of a component's evenly spread lines is due."""
        if progress.total is None or progress.completed >= progress.total:
            return False
        turn = (self._lines[progress.component] + 1) / (_PROGRESS_LINES + 1)
        due = progress.completed >= turn * progress.total
        if due:
            share = progress.completed / progress.total
            self._lines[progress.component] = math.floor(share * (_PROGRESS_LINES + 1))
        return due


class _StatesTable:
    """The live table, which is drawn from `states` several times a second.

    Names, states and times are always whole. Beside them are a bar, where it has room, and the
    detail, where it still has; else the detail has a line of its own.
    """

    def __init__(self, states: ComponentStates) -> None:
        self._states = states
        self._began = time.monotonic()

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        states = self._states.states.values()
        longest = max(len(each.component) for each in states)
        for state in states:
            yield from _lines(state, longest, options.max_width)
        yield Text(self._of_the_run(), no_wrap=True, overflow="ellipsis")

    def _of_the_run(self) -> str:
        states = self._states.states.values()
        ended = sum(each.share == 1 for each in states)
        took = _clock(time.monotonic() - self._began)
        return f"{ended} of {len(states)} components done, {self._states.share:.0%}, {took}"


def _lines(state: ComponentState, longest: int, width: int) -> Iterator[Text]:
    """Yields the line of a component, and the one below it where its detail has no room there."""
    style = _STYLES[state.state]
    line = Text(no_wrap=True, overflow="crop")
    line.append(f"{state.component:<{longest}}", "" if state.state is State.DONE else style)
    line.append(f"{'':{_GAP}}{state.state:<{_STATE}}", style)
    line.append(f"{'':{_GAP}}{_seconds(state):>{_TIME}}")
    bar, detail = _bar(state), _detail(state)
    if bar and len(line) + _GAP + len(bar) <= width:
        line = line.append(" " * _GAP).append_text(bar)
    is_beside = len(line) + _GAP + len(detail) <= width
    if detail and is_beside:
        line.append(f"{'':{_GAP}}{detail}")
    yield line
    if detail and not is_beside:
        yield Text(f"{'':{_GAP}}{detail}", no_wrap=True, overflow="ellipsis")


def _bar(state: ComponentState) -> Text:
    """Returns a bar, whose two parts differ without colours; an empty one where none is known."""
    if state.state is not State.RUNNING or state.progress is None or not state.progress.total:
        return Text()
    done = round(_BAR * state.share)
    return Text.assemble(
        (done * "\N{BOX DRAWINGS HEAVY HORIZONTAL}", _BLUE),
        ((_BAR - done) * "\N{BOX DRAWINGS LIGHT HORIZONTAL}", _GREY),
    )


def _detail(state: ComponentState) -> str:
    """Returns how far what runs is: what is done, how fast, how long it will take, the rest."""
    if state.state is not State.RUNNING or state.progress is None:
        return ""
    left = state.seconds_left
    parts = (
        state.progress.count,
        _per_second(state.rate) if state.rate else "",
        f"{_clock(left)} left" if left is not None else "",
        state.progress.detail,
    )
    return ", ".join(filter(None, parts))


def _per_second(rate: float) -> str:
    """Returns a rate in two digits, or whole.

    >>> _per_second(0.351), _per_second(6.97), _per_second(1234.5)
    ('0.35/s', '7.0/s', '1,234/s')
    """
    return f"{rate:#.2g}/s" if rate < 9.5 else f"{rate:,.0f}/s"


def _clock(seconds: float) -> str:
    """Returns a time as minutes and seconds, and hours where there are any.

    >>> _clock(65), _clock(3725)
    ('1:05', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _wrapped(text: str, width: int) -> str:
    """Returns lines no longer than `width`; what follows a name in the margin keeps that margin.

    A word that is longer stays whole, so that a path can be copied; one alone stays with its name.
    """
    return "\n".join(part for line in text.split("\n") for part in _parts(line, width))


def _parts(line: str, width: int) -> list[str]:
    if len(line.split()) <= 2:
        return [line]
    return textwrap.wrap(
        line,
        max(width, 2 * len(_INDENT)),
        subsequent_indent=_INDENT if _IN_MARGIN.match(line) else "  ",
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _seconds(state: ComponentState) -> str:
    untimed = (State.WAITING, State.CACHED, State.SKIPPED)
    return "" if state.state in untimed else f"{state.elapsed:.1f} s"


def _models_table(summary: Summary, width: int) -> Table:
    """Returns the models' figures; of a narrow terminal, as many columns as have room."""
    decides = deciding.beside_accuracy(summary)
    beside = [decides] if decides else []
    known = {ACCURACY.name, *(each.name for each in beside)}
    shown = [each for each in METRICS.values() if each.in_terminal and each.name not in known]
    titles = [ACCURACY.title, *(each.title for each in beside), *(each.title for each in shown)]
    headings = ["", *map(printable, titles), "training", "trained\nparameters"]
    rows = [
        [
            ALL_SHORT_TITLES[name],
            _accuracy(metrics),
            *(deciding.with_bounds(each, each.models.get(name, _UNKNOWN)) for each in beside),
            *(_figure(metrics[each.name].value) for each in shown),
            f"{seconds:,.0f} s",
            f"{parameters:,}",
        ]
        for name, (metrics, seconds, parameters) in _models(summary).items()
    ]
    difference = [
        "difference",
        _points(summary.difference[ACCURACY.name]),
        *(deciding.changed(each, summary.difference.get(each.name, _UNKNOWN)) for each in beside),
    ]
    rows.append([*difference, *[""] * (len(headings) - len(difference))])
    columns = list(zip(headings, *rows, strict=True))
    while sum(_width(column) + _GAP for column in columns) > width + _GAP:
        columns.pop()
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for number, (heading, *_) in enumerate(columns):
        table.add_column(Text(heading), justify="right" if number else "left", no_wrap=True)
    for row in list(zip(*columns, strict=True))[1:]:
        table.add_row(*row)
    return table


def _width(column: Sequence[str]) -> int:
    return max(len(line) for cell in column for line in cell.split("\n"))


def _models(summary: Summary) -> dict[str, tuple[ModelMetrics, float, int]]:
    """Returns metrics, seconds of training and trained parameters of all that were compared."""
    rows = {}
    if yardstick := summary.yardstick:
        rows["yardstick"] = (
            yardstick.eval,
            yardstick.train_seconds,
            yardstick.trainable_parameters,
        )
    for name in (FROZEN, FINE_TUNED):
        model = summary.models[name]
        rows[name] = (model.metrics, model.train_seconds, model.trainable_parameters)
    return rows


def _outcome(summary: Summary, folder: str) -> dict[str, str]:
    pushed = summary.pushed_model
    yardstick = comparison.yardstick_verdict(summary)
    outcome = {
        "figures": comparison.trainings(summary),
        "caution": summary.caution,
        "encoder": encoder.described(summary),
        "winner": served.winner(summary),
        "reason": summary.reason,
        "yardstick": f"TF-IDF and logistic regression: {yardstick}" if yardstick else "",
        "duplicates": splits.duplicates(summary),
        "contained": splits.contained(summary),
        "temperature": served.calibration(summary),
        "precision": served.precision_in_short(summary),
        "labels": served.answers(summary),
        "on test": splits.reached_on_test(summary),
        "production": summary.production.reason if summary.production else "",
        "pushed": _from_here(pushed) if pushed is not None else "nothing",
        "report": _from_here(_report(folder)),
        "log": _from_here(f"{folder}/run.log"),
    }
    return {name: text for name, text in outcome.items() if text}


def _report(folder: str) -> str:
    page = f"{folder}/report/{PAGE_FILE}"
    return page if pathlib.Path(page).exists() else f"{folder}/report"


def _accuracy(metrics: ModelMetrics) -> str:
    return format(metrics.accuracy, ".1%") if math.isfinite(metrics.accuracy.value) else "-"


def _points(difference: Interval) -> str:
    return notation.bounded_change(ACCURACY, difference) if math.isfinite(difference.value) else "-"


def _figure(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _from_here(path: str) -> str:
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
