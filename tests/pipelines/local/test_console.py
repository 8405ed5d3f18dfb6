import dataclasses
import io
import logging
import re
import time

import pytest
from rich.color import ColorType
from rich.console import Console
from rich.style import Style

from albert_tfx import progress
from albert_tfx.evaluation.measurements import Interval
from albert_tfx.report.summary import Deciding, Removed
from pipelines.local import console
from pipelines.local.component_states import ComponentError, ComponentStates
from pipelines.local.console import Screen, _StatesTable
from tests.support import summaries
from tests.support.summaries import SUMMARY, changed

_TFX = logging.getLogger("absl")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def pipe(caplog):
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, logger="absl")
    return io.StringIO()


@pytest.fixture
def terminal(pipe, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return _Terminal()


def _start(component):
    _TFX.info("Component %s is running.", component)
    _TFX.info("Going to run a new execution %d", 1)


def _finish(component):
    _TFX.info("Component %s is finished.", component)


def _report(completed, total):
    progress.report(progress.Progress("Trainer", completed, total, "steps", "loss 0.5"))


@pytest.mark.parametrize(
    ("steps", "total", "expected"),
    [
        (range(1, 301), 300, ["100/300", "200/300"]),
        ([10, 150, 299, 300], 300, ["150/300", "299/300"]),
        ([250, 299], 300, ["250/300"]),
        ([1, 2], 2, ["1/2"]),
        ([1, 2], None, []),
    ],
)
def test_progress_on_a_pipe_is_two_spread_lines_at_most(pipe, steps, total, expected):
    with Screen(pipe).follow(["Trainer"]):
        _start("Trainer")
        for step in steps:
            _report(step, total)

    lines = [line.split() for line in pipe.getvalue().splitlines()]
    assert lines[0] == ["Trainer", "running"]
    assert [line[1] for line in lines[1:]] == expected


def test_a_terminal_shows_every_component_and_the_bar_of_the_one_that_runs(terminal):
    screen = Screen(terminal)
    seconds = {"Reader": 30.0, "Trainer": 60.0, "Pusher": 10.0}
    with screen.follow(seconds, seconds):
        _start("Reader")
        _finish("Reader")
        _start("Trainer")
        _report(150, 300)
        screen.close("stopped")

    *table, run, last = _ESCAPES.sub("", terminal.getvalue()).splitlines()[-5:]
    assert [line.split()[:2] for line in table] == [
        ["Reader", "done"],
        ["Trainer", "running"],
        ["Pusher", "waiting"],
    ]
    assert "━" in table[1]
    assert "150/300 steps, loss 0.5" in table[1]
    assert re.fullmatch(r"1 of 3 components done, 60%, \d:\d\d", run.rstrip())
    assert last == "stopped"


_DETAIL = "epoch 1/2, loss 0.769, accuracy 0.570, validation accuracy 0.612, AUC 0.655"
_NAMES = ["StrictExampleValidator", "Trainer.fine_tuned", "Trainer.frozen"]


@pytest.fixture(params=[60, 80, 120, 200])
def width(request, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(request.param))
    return request.param


@pytest.fixture
def clock(monkeypatch):
    """A clock whose time a test sets, in seconds."""
    times = {"now": 1000.0}
    monkeypatch.setattr(time, "monotonic", lambda: times["now"])
    return times


def _frame(terminal, clock, width):
    """Returns the lines of the live table of a terminal of a width, in the midst of a training."""
    states = ComponentStates(_NAMES, lambda _: None)
    table = _StatesTable(states)
    for component, seconds in ((_NAMES[0], 12345.6), (_NAMES[1], 0)):
        states.handle(_record("Component %s is running.", component))
        clock["now"] += seconds
        if seconds:
            states.handle(_record("Component %s is finished.", component))
    for completed in (50, 500):
        clock["now"] += 100
        step = progress.Progress(_NAMES[1], completed, 1450, "steps", _DETAIL)
        states.handle(_record("%s", step, name=progress.__name__))
    Console(file=terminal, force_terminal=True, width=width).print(table)
    return [line.rstrip() for line in _ESCAPES.sub("", terminal.getvalue()).splitlines()]


def _record(message, argument, name="absl"):
    return logging.makeLogRecord({"name": name, "msg": message, "args": (argument,)})


def test_names_states_and_times_are_whole_at_every_width(terminal, clock, width):
    lines = _frame(terminal, clock, width)
    rows = [line for line in lines[:-1] if not line.startswith(" ")]
    assert [row.split()[:2] for row in rows] == [
        [_NAMES[0], "done"],
        [_NAMES[1], "running"],
        [_NAMES[2], "waiting"],
    ]
    assert " 12345.6 s" in rows[0]
    assert " 200.0 s" in rows[1]
    assert max(map(len, lines)) <= width
    assert lines[-1].startswith("1 of 3 components done, ")


def test_rate_and_time_left_are_whole_at_every_width(terminal, clock, width):
    """What has no room beside a component goes below it; the bar goes where it has none."""
    _, row, below, *_ = _frame(terminal, clock, width)
    beside = "500/1,450 steps, 4.5/s, 3:31 left, epoch 1/2, loss 0.7"
    assert ("━" in row) == (width >= 80)
    assert (beside in row) == (width >= 200)
    assert below.startswith(f"  {beside}" if width < 200 else _NAMES[2])
    assert (_DETAIL in row + below) == (width >= 120)


def test_a_bar_tells_what_is_done_without_colours(terminal, clock):
    _, row, *_ = _frame(terminal, clock, 200)
    [bar] = re.findall("[━─]+", row)
    assert bar == "━" * 7 + "─" * 13  # of 500/1,450


@pytest.mark.parametrize("background", [(255, 255, 255), (30, 30, 30), (0, 0, 0)])
def test_colours_can_be_read_on_light_and_dark_terminals(background):
    """By WCAG's contrast; what has no colour has the terminal's own."""
    for style in (*console._STYLES.values(), console._BLUE, console._GREY):
        assert not Style.parse(style).dim
        color = Style.parse(style).color
        if color is not None:
            assert color.type is ColorType.EIGHT_BIT, "a theme may change it"
            lighter, darker = sorted(map(_luminance, (color.get_truecolor(), background)))[::-1]
            assert (lighter + 0.05) / (darker + 0.05) > 3.5, style


def _luminance(color):
    """See https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    shares = [each / 255 for each in color]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares
    ]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_outcome_fits_every_width_and_paths_stay_whole(terminal, width):
    reason = (
        "fine-tuning changes the accuracy by a gain that is larger than chance alone would give"
    )
    Screen(terminal).conclude(changed(reason=reason), "out")
    lines = [line.rstrip() for line in _ESCAPES.sub("", terminal.getvalue()).splitlines()]
    assert max(map(len, lines)) <= min(80, width)
    assert "pushed      out/serving/7" in lines
    assert reason in " ".join(" ".join(lines).split())
    at = next(number for number, line in enumerate(lines) if line.startswith("reason"))
    assert lines[at + 1].startswith(12 * " ")


def test_what_was_said_at_the_start_is_said_again_at_the_end(pipe):
    Screen(pipe).conclude(SUMMARY, "out", ["NOT albert-base: this run takes the small ALBERT"])
    assert pipe.getvalue().endswith(
        "\nnote        NOT albert-base: this run takes the small ALBERT\n"
    )


def test_a_line_that_is_too_long_for_a_terminal_is_wrapped_in_its_margin(terminal, width):
    Screen(terminal).say(f"tokens      {'median 12, ' * 20}end\nwithout a name {'word ' * 40}")
    lines = terminal.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()).count("median 12,") == 20
    follows = lines[1 : next(n for n, line in enumerate(lines) if line.startswith("without"))]
    assert follows
    assert all(line.startswith(12 * " ") for line in follows)


def test_a_pipe_gets_a_line_as_it_is(pipe):
    Screen(pipe).say(f"tokens      {'median 12, ' * 20}end")
    assert pipe.getvalue().count("\n") == 1


def test_a_failure_stays_on_the_terminal(terminal):
    def fail():
        with Screen(terminal).follow(["Reader"]):
            _start("Reader")
            raise ValueError

    with pytest.raises(ComponentError):
        fail()

    assert re.search(r"Reader +failed", _ESCAPES.sub("", terminal.getvalue()).splitlines()[-2])


def test_a_dumb_terminal_gets_plain_lines(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with Screen(terminal).follow(["Reader"]):
        _start("Reader")
        _finish("Reader")

    assert re.fullmatch(r"Reader +running\nReader +done +\d+\.\d s\n", terminal.getvalue())


def test_waiting_is_said_to_a_pipe_and_leaves_no_trace_on_a_terminal(pipe, terminal):
    for stream in (pipe, terminal):
        with Screen(stream).busy("starting"):
            pass

    assert pipe.getvalue() == "starting\n"
    assert terminal.getvalue().endswith("\x1b[1A\x1b[2K")  # up, and erase


def test_the_outcome_is_aligned_and_fits_80_columns(pipe):
    Screen(pipe).conclude(SUMMARY, "out")

    lines = [line.rstrip() for line in pipe.getvalue().splitlines()]
    assert lines == [
        "",
        "verdict     Fine-tune: it changes accuracy by +6.3 points (\N{MINUS SIGN}1.0 to +13.5,",
        "            without training's chance).",
        "",
        "                                                                       trained",
        "                               accuracy    AUC  log loss  training  parameters",
        "TF-IDF           75.0% (73.0% to 77.0%)  0.800     0.600       1 s      25,001",
        "Frozen           81.2% (79.0% to 83.0%)  0.900     0.500      12 s       8,385",
        "Fine-tuned       87.5% (86.0% to 89.0%)      -     0.250   1,235 s  11,683,584",
        "difference  +6.3 points (\N{MINUS SIGN}1.0 to +13.5)",
        "",
        "encoder     hf://owner/model@c0ffeec, 22,713,216 weights, 512 positions",
        "winner      the fine-tuned encoder",
        "reason      it gains 0.063",
        "yardstick   TF-IDF and logistic regression: clearly below the fine-tuned encoder",
        "duplicates  taken out: 1 of eval, 1,234 of train",
        "on test     accuracy 87.0% of the fine-tuned encoder on 1,500 texts",
        "production  There is no other model in production yet.",
        "pushed      out/serving/7",
        "report      out/report",
        "log         out/run.log",
    ]
    assert max(map(len, lines)) <= 80


def test_an_inference_in_bfloat16_is_said_at_the_end(pipe):
    Screen(pipe).conclude(summaries.rounded(Interval(-0.025, -0.04, -0.01)), "out")

    said = " ".join(pipe.getvalue().split())
    assert "precision answers are computed in bfloat16, which changes accuracy by 0 points" in said
    assert "(frozen), \N{MINUS SIGN}2.5 points (fine-tuned)" in said


@pytest.mark.parametrize(
    ("is_percentage", "frozen", "difference", "on_test"),
    [
        (True, "70.0% (60.0% to 80.0%)", "+5.0 points (+1.0 to +9.0)", "66.0%"),
        (False, "0.700 (0.600 to 0.800)", "+0.050 (+0.010 to +0.090)", "0.660"),
    ],
)
def test_the_deciding_metric_is_beside_the_accuracy(
    pipe, is_percentage, frozen, difference, on_test
):
    metric = Deciding(
        name="f1",
        title="F1 of [red]",
        is_higher_better=True,
        is_percentage=is_percentage,
        models={"frozen": Interval(0.7, 0.6, 0.8)},
        constant=0.5,
        test=Interval(0.66),
    )
    differences = {"accuracy": Interval(0.063), "f1": Interval(0.05, 0.01, 0.09)}
    Screen(pipe).conclude(changed(metric=metric, difference=differences), "out")

    said = " ".join(pipe.getvalue().split())
    assert "accuracy F1 of [red]" in said
    assert f"Frozen 81.2% (79.0% to 83.0%) {frozen}" in said
    assert f"difference +6.3 points {difference}" in said
    assert f"accuracy 87.0%, F1 of [red] {on_test} of the fine-tuned encoder" in said


def test_of_several_trainings_is_said_whose_figures_are_in_the_table(pipe):
    Screen(pipe).conclude(changed(seeds=3), "out")

    said = " ".join(pipe.getvalue().split())
    assert "figures The models' figures are those of the exported trainings;" in said
    assert "the differences are means over the 3 trainings of each model." in said


def test_the_report_s_page_is_named_where_there_is_one(pipe, tmp_path, monkeypatch):
    page = tmp_path / "out" / "report" / "index.html"
    page.parent.mkdir(parents=True)
    page.touch()
    monkeypatch.chdir(tmp_path)

    Screen(pipe).conclude(SUMMARY, "out")

    assert "report      out/report/index.html\n" in pipe.getvalue()


@pytest.mark.parametrize(
    ("frozen", "fine_tuned", "standing"),
    [
        ((0.01, -0.02, 0.04), (0.05, 0.02, 0.08), ["clearly below the fine-tuned encoder"]),
        (
            (0.06, 0.03, 0.09),
            (0.05, 0.02, 0.08),
            ["clearly below the frozen encoder", "clearly below"],
        ),
        ((-0.01, -0.04, 0.02), (0.01, -0.02, 0.04), ["not clearly below the fine-tuned encoder"]),
        (
            (0.02, 0.01, 0.03),
            (0.03, -0.01, 0.07),
            ["clearly below the frozen encoder", "not clearly below"],
        ),
        (
            (0.02, 0.01, 0.03),
            (-0.03, -0.05, -0.01),
            ["clearly below the frozen encoder", "clearly better than"],
        ),
        ((-0.05, -0.08, -0.02), (0.0, -0.03, 0.03), ["no worse than the fine-tuned encoder"]),
        (
            (-0.05, -0.08, -0.02),
            (-0.06, -0.09, -0.03),
            ["clearly better than the frozen encoder", "clearly better than"],
        ),
    ],
)
def test_the_yardstick_is_held_against_the_model_that_gains_most_and_the_winner(
    pipe, frozen, fine_tuned, standing
):
    gain = {
        model: {"accuracy": Interval(*interval)}
        for model, interval in (("frozen", frozen), ("fine_tuned", fine_tuned))
    }
    yardstick = dataclasses.replace(summaries.YARDSTICK, gain=gain)
    Screen(pipe).conclude(changed(yardstick=yardstick), "out")

    to_both = ", ".join([standing[0], *(f"{each} the fine-tuned encoder" for each in standing[1:])])
    printed = " ".join(pipe.getvalue().split())
    assert f"yardstick TF-IDF and logistic regression: {to_both} duplicates" in printed


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"keep": True}, "counted, and kept"),
        ({"removed": {"train": Removed(exact=0, near=0)}}, "taken out: none"),
    ],
)
def test_duplicates_that_stay_or_are_none_are_said(pipe, change, line):
    duplicates = dataclasses.replace(summaries.DUPLICATES, **change)
    Screen(pipe).conclude(changed(duplicates=duplicates), "out")

    assert f"duplicates  {line}\n" in pipe.getvalue()


def test_no_winner_and_no_push_are_said(pipe):
    Screen(pipe).conclude(changed(winner=None, pushed=False, pushed_model=None), "out")

    assert "winner      none\n" in pipe.getvalue()
    assert "pushed      nothing\n" in pipe.getvalue()


def test_what_components_warn_of_while_they_are_waited_for_is_said(pipe):
    with Screen(pipe).busy("checking"):
        logging.getLogger("albert_tfx.modeling.hub").warning("waiting for %s", "process 7")
        logging.getLogger("tensorflow").warning("never mind")
    logging.getLogger("albert_tfx.modeling.hub").warning("too late")
    assert pipe.getvalue().splitlines() == ["checking", "waiting for process 7"]
