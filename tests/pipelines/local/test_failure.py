import pytest

from albert_tfx.errors import InputError
from pipelines.local.component_states import ComponentError
from pipelines.local.failure import RunError, explain

_BAD_INPUT = InputError("the file 'a.b' is empty", "Give another")


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
            "Traceback (most recent call last):\n  File ...\ncomponents.errors.InputError: "
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
