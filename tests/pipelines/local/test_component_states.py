import logging

import pytest

from albert_tfx import progress
from albert_tfx.errors import InputError
from albert_tfx.progress import Progress
from pipelines.local.component_states import (
    ComponentError,
    ComponentStates,
    RunError,
    State,
    after_each,
    explain,
    follow,
)

_TFX = logging.getLogger("absl")
_BAD_INPUT = InputError("the file 'a.b' is empty", "Give another")


@pytest.fixture
def seen():
    """The states that were told of, in order."""
    return []


@pytest.fixture
def states(seen, caplog):
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, logger="absl")
    return ComponentStates(
        ["First", "Second"], lambda state: seen.append((state.component, state.state))
    )


def _run(component, *records):
    _TFX.info("Component %s is running.", component)
    for template, *arguments in records:
        _TFX.info(template, *arguments)
    _TFX.info("Component %s is finished.", component)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (("Going to run a new execution %d", 1), [State.RUNNING, State.DONE]),
        (("A cached execution %d is used.", 1), [State.CACHED]),
        (("Skipping execution for %s", "First"), [State.SKIPPED]),
        (("Anything else about %s", "First"), [State.DONE]),
    ],
)
def test_what_the_launcher_says_becomes_the_state(states, seen, record, expected):
    with follow(states):
        _run("First", record)

    assert seen == [("First", state) for state in expected]
    assert states.states["Second"].state is State.WAITING


def test_only_records_in_the_block_count(states, seen):
    with follow(states):
        pass
    _run("First")

    assert seen == []


def test_progress_belongs_to_the_component_that_runs(states):
    step = Progress("Second", 3, 10, "steps")
    with follow(states):
        _TFX.info("Component %s is running.", "Second")
        progress.report(step)

    assert states.states["Second"].progress == step
    assert states.states["First"].progress is None


def _share(components, seconds=None):
    """Returns the share of a run whose first component is done and whose second is half done."""
    states = ComponentStates(components, lambda _: None, seconds)
    with follow(states):
        _run(components[0])
        _TFX.info("Component %s is running.", components[1])
        progress.report(Progress(components[1], 1, 2, "steps"))
    return states.share


@pytest.mark.usefixtures("states")
@pytest.mark.parametrize(
    ("seconds", "share"),
    [
        ({"First": 10.0, "Second": 80.0, "Third": 10.0}, 0.5),
        ({"First": 90.0, "Second": 10.0, "Third": 0.0}, 0.95 / 1.001),
        ({}, 0.5),
    ],
)
def test_components_count_by_what_they_took_before(seconds, share):
    assert _share(["First", "Second", "Third"], seconds) == pytest.approx(share, abs=1e-3)


@pytest.mark.usefixtures("states")
def test_without_an_earlier_run_components_count_as_in_the_sample():
    """There, fine-tuning takes half of the time, although it is one of 18 components."""
    names = ["StrictExampleValidator", "Trainer.fine_tuned", "Trainer.frozen"]
    assert _share(names) == pytest.approx(98.7 / 2 / (98.7 + 16.5), abs=0.01)


def test_an_exception_is_the_failure_of_what_runs(states, seen):
    def fail():
        with follow(states):
            _run("First")
            _TFX.info("Component %s is running.", "Second")
            _TFX.error("Execution %d failed.", 2)
            raise ValueError("broken")

    with pytest.raises(ComponentError) as raised:
        fail()

    assert raised.value.args == ("Second",)
    assert isinstance(raised.value.__cause__, ValueError)
    assert seen == [("First", State.DONE), ("Second", State.FAILED)]


def test_inputs_that_tfx_cannot_resolve_fail_although_tfx_goes_on(states, seen):
    def fail():
        with follow(states):
            _run("First", ("[%s] Input resolution error: %s", "First", "none"))
            _run("Second")

    with pytest.raises(ComponentError) as raised:
        fail()

    assert raised.value.args == ("First",)
    assert seen == [("First", State.FAILED), ("Second", State.DONE)]


def test_an_exception_between_components_stays_itself(states):
    def fail():
        with follow(states):
            _run("First")
            raise KeyError

    with pytest.raises(KeyError):
        fail()


def _caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        _BAD_INPUT,
        _caused(ComponentError("Reader"), _BAD_INPUT),
        InputError(f"{_BAD_INPUT.cause} [while running 'Map(read)']", _BAD_INPUT.remedy),
        _caused(ComponentError("Reader"), _caused(RuntimeError("x"), _BAD_INPUT)),
        RuntimeError(
            "Traceback (most recent call last):\n  File ...\nalbert_tfx.errors.InputError: "
            "the file 'a.b' is empty [while running 'Map(read)']. Give another.\n\nDuring ..."
        ),
    ],
)
def test_bad_input_is_found_wherever_it_was_raised(error):
    explained = explain(error, "run.log")

    assert isinstance(explained, InputError)
    assert str(explained) == str(_BAD_INPUT)


def test_a_component_that_failed_is_named_with_the_last_line_of_why():
    explained = explain(
        _caused(ComponentError("Trainer.frozen"), ValueError("at the top\n  it broke\n")), "a.log"
    )

    assert isinstance(explained, RunError)
    assert str(explained).startswith("Trainer.frozen failed (ValueError: it broke). See a.log.")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ComponentError("Pusher"), "Pusher failed (its inputs are missing). See a.log."),
        (KeyError(), "the run failed (KeyError). See a.log."),
    ],
)
def test_a_reason_is_given_even_without_a_message(error, expected):
    assert str(explain(error, "a.log")).startswith(expected)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(28, "No space left on device"), "The disk is full: free some space."),
        (RuntimeError("UNKNOWN: x; No space left on device"), "The disk is full"),
        (RuntimeError("database or disk is full"), "The disk is full"),
        (MemoryError("Unable to allocate 3 GiB"), "Memory may have been short. Give it more"),
        (RuntimeError("Worker subprocess exited with return code -9"), "--batch-size"),
        (RuntimeError("OOM when allocating tensor"), "--gradient-accumulation"),
    ],
)
def test_what_a_machine_lacks_is_named_with_its_remedy(error, remedy):
    explained = str(explain(_caused(ComponentError("Trainer.frozen"), error), "a.log"))

    assert explained.startswith("Trainer.frozen failed (")
    assert remedy in explained
    assert explained.endswith("The same command goes on from here, as what has finished is cached.")


def test_something_is_done_after_each_component_and_no_more_after_the_block(caplog):
    caplog.set_level(logging.INFO, logger="absl")
    ended = []
    with after_each(lambda: ended.append(1)):
        _run("First", ("Going to run a new execution %d", 1), ("Anything else about %s", "First"))
        assert len(ended) == 1
        _run("Second", ("A cached execution %d is used.", 2))
    _run("Third")

    assert len(ended) == 2
