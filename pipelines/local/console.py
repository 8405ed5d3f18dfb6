"""What a run shows: live on a terminal, as a few plain lines anywhere else."""

import contextlib
import logging
import math
import os
import pathlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from albert_tfx.contract import FINE_TUNED, FROZEN
from albert_tfx.progress import Progress
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


class Screen:
    """The terminal, or the file or pipe in its place."""

    def __init__(self, output: TextIO) -> None:
        """Writes to `output`, with colours and motion only if that is a terminal."""
        self._console = Console(file=output, force_terminal=output.isatty(), highlight=False)
        self._is_live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._live: Live | None = None

    def say(self, line: RenderableType) -> None:
        """Writes one line, or one table."""
        self._console.print(line, markup=False, soft_wrap=isinstance(line, str))

    @contextlib.contextmanager
    def busy(self, line: str) -> Iterator[None]:
        """Says what is being waited for; on a terminal, only as long as it lasts.

        What our own components warn of meanwhile is said as well.
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
        """Shows where each of `components` stands while the block runs them."""
        if not self._is_live:
            with follow(ComponentStates(components, _PlainLines(self).show)) as states:
                yield states
        else:
            states = ComponentStates(components, lambda _: None)
            with self._moving(_StatesTable(states)), follow(states):
                yield states

    def conclude(self, summary: Mapping[str, Any], folder: str) -> None:
        """Shows both models, which won and why, and where everything lies.

        Args:
          summary: What `albert_tfx.report.summary` wrote.
          folder: The run's output folder.
        """
        self.say("")
        self.say(_models_table(summary))
        self.say("")
        for name, text in _outcome(summary, folder).items():
            self.say(f"{name:<12}{text}")

    def close(self, line: str) -> None:
        """Stops all motion, and writes a last line below it; from any thread."""
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
        """Says whether the next of the evenly spread lines of a component has its turn."""
        if progress.total is None or progress.completed >= progress.total:
            return False
        turn = (self._lines[progress.component] + 1) / (_PROGRESS_LINES + 1)
        due = progress.completed >= turn * progress.total
        if due:
            share = progress.completed / progress.total
            self._lines[progress.component] = math.floor(share * (_PROGRESS_LINES + 1))
        return due


class _StatesTable:
    """The live table; drawn anew from `states` several times a second."""

    def __init__(self, states: ComponentStates) -> None:
        self._states = states

    def __rich__(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for justify in ("left", "left", "right", "left", "left"):
            table.add_column(no_wrap=True, justify=justify)  # type: ignore[arg-type]
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


def _models_table(summary: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for heading in ("accuracy", "AUC", "log loss", "training", "parameters"):
        table.add_column(heading, justify="right", no_wrap=True)
    yardstick = {**summary["yardstick"], **summary["yardstick"]["eval"]}
    for model, figures in {"yardstick": yardstick, **_models(summary)}.items():
        table.add_row(
            model,
            _accuracy(figures),
            _figure(figures["auc"]),
            _figure(figures["log_loss"]),
            f"{figures['train_seconds']:,.0f} s",
            f"{figures['trainable_parameters']:,}",
        )
    difference = summary["difference"]["accuracy"]
    table.add_row("difference", _interval("+.3f", *(difference[key] for key in _BOUNDS)))
    return table


def _models(summary: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {model: summary["models"][model] for model in (FROZEN, FINE_TUNED)}


def _outcome(summary: Mapping[str, Any], folder: str) -> dict[str, str]:
    test = summary["test"]
    return {
        "winner": summary["winner"] or "none",
        "reason": summary["reason"],
        "yardstick": f"TF-IDF and logistic regression: {_standing_of_yardstick(summary)}",
        "duplicates": _duplicates(summary["duplicates"]),
        "on test": f"accuracy {_accuracy(test)} of {test['model']} on {test['examples']:,} reviews",
        "production": summary["production"]["reason"],
        "pushed": _from_here(summary["pushed_model"]) if summary["pushed"] else "nothing",
        "report": _from_here(_report(folder)),
        "log": _from_here(f"{folder}/run.log"),
    }


def _standing_of_yardstick(summary: Mapping[str, Any]) -> str:
    """Says how it stands to the model that gains most over it, a sure gain first; to a winner, too.

    Returns:
      Such as `no worse than fine_tuned, clearly better than frozen`.
    """
    gains = {model: gain["accuracy"] for model, gain in summary["yardstick"]["gain"].items()}
    best = max(gains, key=lambda model: (gains[model]["lower"] > 0, gains[model]["value"]))
    models = dict.fromkeys([best, summary["winner"] or best])
    return ", ".join(_standing(gains[model], model) for model in models)


def _standing(gain: Mapping[str, float], model: str) -> str:
    value, lower, upper = (gain[bound] for bound in _BOUNDS)
    if value > 0:
        return f"{'clearly' if lower > 0 else 'not clearly'} below {model}"
    return f"{'clearly better' if upper < 0 else 'no worse'} than {model}"


def _duplicates(duplicates: Mapping[str, Any]) -> str:
    if duplicates["keep"]:
        return "counted, and kept"
    removed = {split: sum(kinds.values()) for split, kinds in duplicates["removed"].items()}
    parts = [f"{count:,} of {split}" for split, count in removed.items() if count]
    return f"taken out: {', '.join(parts) or 'none'}"


def _report(folder: str) -> str:
    page = f"{folder}/report/index.html"
    return page if pathlib.Path(page).exists() else f"{folder}/report"


_BOUNDS = ("value", "lower", "upper")


def _accuracy(figures: Mapping[str, Any]) -> str:
    keys = ("accuracy", "accuracy_lower", "accuracy_upper")
    return _interval(".3f", *(figures[key] for key in keys))


def _interval(form: str, value: float | None, lower: float | None, upper: float | None) -> str:
    if lower is None or upper is None:
        return _figure(value, form)
    return f"{_figure(value, form)} ({lower:{form}} to {upper:{form}})"


def _figure(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else f"{value:{form}}"


def _from_here(path: str) -> str:
    return min(path, os.path.relpath(path), key=len)
