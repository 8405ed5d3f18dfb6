"""The output of a run: a live table on a terminal, a few plain lines anywhere else."""

import contextlib
import logging
import math
import os
import pathlib
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from albert_tfx.contract import FINE_TUNED, FROZEN, PAGE_FILE
from albert_tfx.evaluation.measurements import Interval, ModelMetrics
from albert_tfx.evaluation.metrics import ACCURACY, METRICS
from albert_tfx.printable import printable
from albert_tfx.progress import Progress
from albert_tfx.report import wording
from albert_tfx.report.summary import Summary
from pipelines.local.component_states import ComponentState, ComponentStates, State, follow

_STYLES = {
    State.WAITING: "dim",
    State.RUNNING: "bold",
    State.DONE: "green",
    State.CACHED: "cyan",
    State.SKIPPED: "dim",
    State.FAILED: "bold red",
}
_PROGRESS_LINES = 2
_WIDTH = 80
_INDENT = 12 * " "


class Screen:
    """The terminal, or the file or pipe in its place."""

    def __init__(self, output: TextIO) -> None:
        """Writes to `output`, with colours and a live display only if that is a terminal."""
        self._console = Console(file=output, force_terminal=output.isatty(), highlight=False)
        self._is_live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._live: Live | None = None

    def say(self, line: RenderableType) -> None:
        """Writes one line, or one table."""
        if isinstance(line, str):
            self._console.print(printable(line), markup=False, soft_wrap=True)
        else:
            self._console.print(line)

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
    def follow(self, components: Iterable[str]) -> Iterator[ComponentStates]:
        """Shows the state of each of `components` while the block runs them."""
        if not self._is_live:
            with follow(ComponentStates(components, _PlainLines(self).show)) as states:
                yield states
        else:
            states = ComponentStates(components, lambda _: None)
            with self._moving(_StatesTable(states)), follow(states):
                yield states

    def conclude(self, summary: Summary, folder: str) -> None:
        """Shows both models, which won and why, and where the results are.

        Args:
          summary: Summary of the run.
          folder: The run's output folder.
        """
        self.say("")
        said = f"{'verdict':<12}{wording.verdict(summary)}."
        self.say("\n".join(textwrap.wrap(said, _WIDTH, subsequent_indent=_INDENT)))
        self.say("")
        self.say(_models_table(summary))
        self.say("")
        for name, text in _outcome(summary, folder).items():
            self.say(f"{name:<12}{text}")

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
            self._screen.say(f"{name}{'':<10}{_steps(state.progress)}")

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
    """The live table, which is drawn from `states` several times a second."""

    def __init__(self, states: ComponentStates) -> None:
        self._states = states

    def __rich__(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for justify in ("left", "left", "right", "left", "left"):
            table.add_column(no_wrap=True, justify=justify)
        for state in list(self._states.states.values()):
            style = _STYLES[state.state]
            table.add_row(
                Text(state.component, style if state.state is not State.DONE else ""),
                Text(state.state, style),
                _seconds(state),
                *_bar(state),
            )
        return table


def _bar(state: ComponentState) -> tuple[RenderableType, RenderableType]:
    if state.state is not State.RUNNING or state.progress is None:
        return "", ""
    bar = ProgressBar(total=state.progress.total, completed=state.progress.completed, width=20)
    return bar, Text(_steps(state.progress), "dim")


def _steps(progress: Progress) -> str:
    return str(progress).removeprefix(f"{progress.component}: ")


def _seconds(state: ComponentState) -> str:
    untimed = (State.WAITING, State.CACHED, State.SKIPPED)
    return "" if state.state in untimed else f"{state.elapsed:.1f} s"


def _models_table(summary: Summary) -> Table:
    shown = [each for each in METRICS.values() if each.in_terminal]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for heading in (*(each.title for each in shown), "training", "parameters"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, (metrics, seconds, parameters) in _models(summary).items():
        table.add_row(
            name,
            _accuracy(metrics),
            *(_figure(metrics[each.name].value) for each in shown if each is not ACCURACY),
            f"{seconds:,.0f} s",
            f"{parameters:,}",
        )
    table.add_row("difference", _interval("+.3f", summary.difference[ACCURACY.name]))
    return table


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
    pushed, test = summary.pushed_model, summary.test
    verdict, duplicates = wording.yardstick_verdict(summary), wording.duplicates(summary)
    outcome = {
        "caution": summary.caution,
        "encoder": wording.encoder(summary),
        "winner": wording.winner(summary),
        "reason": summary.reason,
        "yardstick": f"TF-IDF and logistic regression: {verdict}" if verdict else "",
        "duplicates": duplicates,
        "contained": wording.contained(summary),
        "on test": f"accuracy {_accuracy(test.metrics)} of {test.model} on "
        f"{test.metrics.examples:,} texts",
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
    return _interval(".3f", metrics.accuracy)


def _interval(form: str, interval: Interval) -> str:
    return format(interval, form) if math.isfinite(interval.value) else "-"


def _figure(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _from_here(path: str) -> str:
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
