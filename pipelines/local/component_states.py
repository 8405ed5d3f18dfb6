"""The state of each component of a running pipeline, read from TFX's log records."""

import contextlib
import dataclasses
import enum
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from albert_tfx.contract import (
    BULK_INFERRER,
    COMPARISON_EVALUATOR,
    COMPARISON_REPORT,
    DUPLICATE_FINDER,
    EMBEDDING_GEN,
    FINE_TUNED,
    FROZEN,
    PUSHER,
    TEST_EVALUATOR,
    TFDS_EXAMPLE_GEN,
    trainer_id,
)
from albert_tfx.errors import (
    LESS_MEMORY,
    InputError,
    chain,
    is_full_disk,
    is_lack_of_memory,
    one_line,
)
from albert_tfx.progress import Progress, of_record

# Seconds that the components of a run of the sample took (docs/running.md, 2026-11-30). They weigh
# the share of a run that is done, where no run into the same folder is known; nothing else.
_SAMPLE_SECONDS = {
    TFDS_EXAMPLE_GEN: 2.7,
    DUPLICATE_FINDER: 5.5,
    "StatisticsGen": 3.5,
    "Transform": 15.0,
    "Yardstick": 3.4,
    EMBEDDING_GEN: 22.7,
    trainer_id(FINE_TUNED): 98.7,
    trainer_id(FROZEN): 16.5,
    COMPARISON_EVALUATOR: 7.3,
    TEST_EVALUATOR: 7.8,
    "ModelCard": 4.3,
    PUSHER: 1.5,
    BULK_INFERRER: 7.8,  # not in that run; as for the texts of `test`
    COMPARISON_REPORT: 2.3,
}
_LEAST_SECONDS = 0.1
_QUOTED = re.compile(
    rf"^{re.escape(InputError.__module__)}\.{InputError.__name__}: (.*)\.", re.MULTILINE
)
_BEAM_STEP = re.compile(r" \[while running '.*?'\]")
_FINISHED = "Component %s is finished."


class State(enum.StrEnum):
    """The state of a component."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CACHED = "cached"
    SKIPPED = "skipped"
    FAILED = "failed"


class ComponentError(Exception):
    """A component failed; the only argument is its id."""


class RunError(Exception):
    """A run failed, and not for an input that a remedy is known for. Its text is one line."""


@dataclasses.dataclass
class ComponentState:
    """One component of the run.

    Attributes:
      component: Its id, e.g. `Trainer.frozen`.
      state: Its state.
      started: When it started, in seconds of `time.monotonic`; None before that.
      seconds: How long it took; None until it ended.
      progress: The progress that its executor reported last; None if it reported none.
      reported: When it reported that, as `started`.
      first: The progress, and when, since which its rate is taken; None if there is none.
      weight: What it costs, compared with the others: about the seconds that it takes.
    """

    component: str
    state: State = State.WAITING
    started: float | None = None
    seconds: float | None = None
    progress: Progress | None = None
    reported: float = 0.0
    first: tuple[Progress, float] | None = None
    weight: float = _LEAST_SECONDS

    def advance(self, progress: Progress, now: float) -> None:
        """Takes in a report; one of other units, or of less than before, begins a new rate."""
        if self.first is None or not progress.continues(self.progress):
            self.first = progress, now
        self.progress, self.reported = progress, now

    @property
    def rate(self) -> float | None:
        """Units of its progress a second; None before two reports."""
        if self.first is None or self.progress is None:
            return None
        begun, since = self.first
        done, seconds = self.progress.completed - begun.completed, self.reported - since
        return done / seconds if done > 0 and seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until its progress is whole, at that rate; None where that is not known."""
        if self.rate is None or self.progress is None or self.progress.total is None:
            return None
        return (self.progress.total - self.progress.completed) / self.rate

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1; of what runs, by its progress."""
        if self.state in (State.DONE, State.CACHED, State.SKIPPED):
            return 1.0
        if self.progress is None or not self.progress.total:
            return 0.0
        return self.progress.completed / self.progress.total

    @property
    def elapsed(self) -> float:
        """Seconds since it started, or until it ended."""
        if self.seconds is not None:
            return self.seconds
        return time.monotonic() - self.started if self.started is not None else 0.0


class ComponentStates(logging.Handler):
    """Follows a `LocalDagRunner`, which runs one component after the other.

    TFX has no hook for this. What it has are log records, whose templates and arguments are
    matched here; those of the launcher name no component, and concern the one that runs.

    Attributes:
      states: The components in the order given, by id.
      running: The component that runs now, or None.
    """

    def __init__(
        self,
        components: Iterable[str],
        on_change: Callable[[ComponentState], None],
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        """Starts with every component waiting.

        Args:
          components: Their ids.
          on_change: Called with a component's state whenever that changed.
          seconds: How long components took before; of others, the sample's are taken.
        """
        super().__init__(logging.INFO)
        known = _SAMPLE_SECONDS | dict(seconds or {})
        self.states = {
            each: ComponentState(each, weight=max(_LEAST_SECONDS, known.get(each, 0.0)))
            for each in components
        }
        self.running: ComponentState | None = None
        self._on_change = on_change
        self._events: dict[str, Callable[..., None]] = {
            "Component %s is running.": self._start,
            "Going to run a new execution %d": lambda _: self._change(State.RUNNING),
            "A cached execution %d is used.": lambda _: self._change(State.CACHED),
            "Skipping execution for %s": lambda _: self._change(State.SKIPPED),
            "Execution %d failed.": lambda _: self.fail(),
            "[%s] Input resolution error: %s": lambda *_: self.fail(),
            _FINISHED: lambda _: self._finish(),
        }

    @property
    def failed(self) -> ComponentState | None:
        """The first component that failed, or None."""
        return next((s for s in self.states.values() if s.state is State.FAILED), None)

    @property
    def share(self) -> float:
        """How much of the run is done, from 0 to 1: components count by what they cost."""
        states = self.states.values()
        whole = sum(each.weight for each in states)
        return sum(each.weight * each.share for each in states) / whole if whole else 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Takes in one record, of TFX or of `albert_tfx.progress`."""
        try:
            step = of_record(record)
            if step is not None:
                self._advance(step)
            elif isinstance(record.msg, str) and record.msg in self._events:
                self._events[record.msg](*(record.args or ()))
        except Exception:
            self.handleError(record)

    def fail(self) -> None:
        """Marks the component that runs, if one does, as failed."""
        if self.running is not None and self.running.state is not State.FAILED:
            self._change(State.FAILED)

    def _start(self, component: str) -> None:
        self.running = self.states.setdefault(component, ComponentState(component))
        self.running.state = State.RUNNING
        self.running.started = time.monotonic()

    def _advance(self, step: Progress) -> None:
        if self.running is not None:
            self.running.advance(step, time.monotonic())
            self._on_change(self.running)

    def _change(self, state: State) -> None:
        if self.running is not None:
            self.running.state = state
            self.running.seconds = None if state is State.RUNNING else self.running.elapsed
            self._on_change(self.running)

    def _finish(self) -> None:
        if self.running is not None and self.running.state is State.RUNNING:
            self._change(State.DONE)
        self.running = None


@contextlib.contextmanager
def follow(states: ComponentStates) -> Iterator[ComponentStates]:
    """Lets `states` see every log record while the block runs a pipeline.

    Raises:
      ComponentError: A component failed. The cause is what it raised; none where TFX only logged
        that, as it does for inputs that cannot be resolved, and went on.
    """
    root = logging.getLogger()
    root.addHandler(states)
    try:
        yield states
    except Exception as error:
        states.fail()
        if states.failed is None:
            raise
        raise ComponentError(states.failed.component) from error
    finally:
        root.removeHandler(states)
    if states.failed is not None:
        raise ComponentError(states.failed.component)


@contextlib.contextmanager
def after_each(action: Callable[[], None]) -> Iterator[None]:
    """Calls `action` whenever a component of the pipeline that the block runs has ended."""
    handler, root = _AfterEach(action), logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _AfterEach(logging.Handler):
    def __init__(self, action: Callable[[], None]) -> None:
        super().__init__(logging.INFO)
        self._action = action

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == _FINISHED:
            self._action()


def explain(error: BaseException, log: str) -> InputError | RunError:
    """Returns what to tell the user about `error`.

    Args:
      error: What ended the run.
      log: Path of the log that holds its traceback.

    Returns:
      The `InputError` that is at the bottom of it, if there is one. Else an error that names the
      component, the reason, where to read on and how to go on.
    """
    bad_input = next(filter(None, map(_input_error, chain(error))), None)
    if bad_input is not None:
        return bad_input
    if isinstance(error, ComponentError):
        what = f"{error.args[0]} failed"
        reason = error.__cause__ and _last_line(error.__cause__)
        go_on = "The same command goes on from here, as what has finished is cached"
    else:
        what, reason, go_on = "the run failed", _last_line(error), "Then run the same command again"
    remedy = "".join(f"{each}. " for each in _remedies(error))
    return RunError(f"{what} ({reason or 'its inputs are missing'}). See {log}. {remedy}{go_on}.")


def _remedies(error: BaseException) -> Iterator[str]:
    """Yields what helps with an error that is nobody's fault."""
    if is_full_disk(error):
        yield "The disk is full: free some space"
    elif is_lack_of_memory(error):
        yield f"Memory may have been short. {LESS_MEMORY}"


def _input_error(error: BaseException) -> InputError | None:
    """Returns the `InputError` that `error` is, or whose traceback it quotes.

    Beam adds the step to what a step raised, and hands on what a worker raised as text.
    """
    if isinstance(error, InputError):
        cause, remedy = _BEAM_STEP.sub("", error.cause), error.remedy
    elif quoted := _QUOTED.search(str(error)):
        cause, _, remedy = _BEAM_STEP.sub("", quoted[1]).partition(". ")
    else:
        return None
    return InputError(cause, remedy)


def _last_line(error: BaseException) -> str:
    name, line = type(error).__name__, one_line(error).strip()
    return name if line == name else f"{name}: {line}"
