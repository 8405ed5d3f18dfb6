"""Runs as tables: one cell a metric, a short number a run, and the options that differ."""

import dataclasses
import datetime
import math
from typing import Any

import pandas as pd
import pytest

from albert_tfx.evaluation.measurements import Comparison, Disagreement, Interval, SliceComparison
from albert_tfx.report.summary import Deciding, Summary
from pipelines.notebook import tables
from pipelines.runs import PipelineRun
from tests.support import summaries

SLICE = SliceComparison(
    name="label positive",
    examples=196,
    frozen=Interval(0.5, 0.4, 0.6),
    fine_tuned=Interval(0.75, 0.7, 0.8),
    difference=Interval(0.25, 0.2, 0.3),
    yardstick=Interval(0.8, 0.7, 0.9),
)


def measured(fine_tuned: float = 0.941) -> Comparison:
    return Comparison(
        frozen=summaries.metrics(Interval(0.812, 0.79, 0.83), 0.9, 0.5, 400),
        fine_tuned=summaries.metrics(Interval(fine_tuned, 0.892, 0.969), math.nan, 0.25, 400),
        difference=Interval(0.129, 0.1, 0.16),
        differences={"log_loss": Interval(-0.25, -0.3, -0.2)},
        slices=(SLICE,),
        flip_rates=None,
        majority_share=0.5,
        yardstick=summaries.metrics(Interval(0.75), 0.8, 0.6, 400),
    )


@dataclasses.dataclass(frozen=True)
class Run(PipelineRun):
    found: Any = None
    said: Any = None

    def comparison(self) -> Comparison:
        return self.found

    def summary(self) -> Summary:
        return self.said


def row(table: pd.DataFrame, key: Any) -> list[Any]:
    return list(table.xs(key))


def run(number: int, command: str = "", fine_tuned: float = 0.941) -> Run:
    started = datetime.datetime(2026, 11, 29, 22, number, tzinfo=datetime.UTC)
    summary = summaries.changed(command=f"python local_runner.py {command}")
    return Run("a long name", "reviews", started, {}, number, measured(fine_tuned), summary)


def test_a_metric_is_one_cell_and_what_is_not_known_a_dash():
    table = tables.comparison(measured())
    assert row(table, "accuracy") == [
        "81.2% (79.0% to 83.0%)",
        "94.1% (89.2% to 96.9%)",
        "75.0%",
        "+12.9 points (+10.0 to +16.0)",
    ]
    assert row(table, "auc") == ["0.900", "-", "0.800", ""]
    assert table.loc["log_loss", tables.DIFFERENCE] == (
        "\N{MINUS SIGN}0.250 (\N{MINUS SIGN}0.300 to \N{MINUS SIGN}0.200)"
    )
    assert row(table, "texts") == ["400", "400", "400", ""]


def test_a_difference_of_several_trainings_is_called_their_mean():
    table = tables.comparison(dataclasses.replace(measured(), seeds=3))
    assert list(table)[-1] == f"{tables.DIFFERENCE}, mean of 3 trainings"


def test_the_answer_has_the_deciding_metric_on_test_as_well():
    metric = Deciding(
        name="f1",
        title="F1",
        is_higher_better=True,
        is_percentage=True,
        models={},
        constant=0.5,
        test=Interval(0.66),
    )
    found = tables.answer(summaries.changed(metric=metric))
    assert found["on test"] == ("accuracy 87.0%, F1 66.0% of the fine-tuned encoder on 1,500 texts")


def test_a_slice_is_one_row():
    table = tables.slices(measured())
    assert row(table, "label positive") == [
        196,
        "50.0% (40.0% to 60.0%)",
        "75.0% (70.0% to 80.0%)",
        "80.0% (70.0% to 90.0%)",
        "+25.0 points (+20.0 to +30.0)",
    ]


def test_the_answer_has_the_winner_the_reason_and_the_yardstick():
    found = tables.answer(summaries.SUMMARY)
    assert found["answer"].startswith("Fine-tune: it changes accuracy")
    assert (found["winner"], found["reason"]) == (
        "the fine-tuned encoder",
        "it gains 0.063",
    )
    assert "TF-IDF" in found["yardstick"] or "yardstick" in found["yardstick"]
    assert found["on test"] == "accuracy 87.0% of the fine-tuned encoder on 1,500 texts"


def test_runs_are_told_apart_by_number_and_by_the_options_that_differ():
    table = tables.runs([run(1, "--output a --csv x.csv"), run(2, "--csv x.csv --seed 2")])
    assert table.index.tolist() == [1, 2]
    assert table["started"].tolist() == ["2026-11-29 22:01", "2026-11-29 22:02"]
    assert table["--seed"].tolist() == ["default", "2"]
    assert "--csv" not in table
    assert "--output" not in table
    assert "a long name" not in table.to_string()


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        (["p --a 1 --b", "p --a=1"], [{"--b": "given"}, {"--b": "default"}]),
        (["p --a 1 --a 2", "p --a 1"], [{"--a": "1, 2"}, {"--a": "1"}]),
        (["p --a -1", "p --a 'x y'"], [{"--a": "-1"}, {"--a": "x y"}]),
        (["p"], [{}]),
    ],
)
def test_options_are_read_as_the_command_line_reads_them(commands, expected):
    assert tables.differing(commands) == expected


def test_two_runs_are_compared_cell_by_cell():
    table = tables.compared(run(1), run(3, fine_tuned=0.951))
    assert table.columns.tolist() == ["run 1", "run 3", "change"]
    assert row(table, ("Fine-tuned", "accuracy")) == [
        "94.1% (89.2% to 96.9%)",
        "95.1% (89.2% to 96.9%)",
        "+1.0 points",
    ]
    assert table.loc[("Fine-tuned", "auc"), "change"] == "-"


def test_a_run_is_compared_with_itself():
    table = tables.compared(run(1), run(1))
    assert table.columns.tolist() == ["run 1", "change"]
    assert set(table["change"]) == {"0 points", "+0.000", "-"}


def test_all_runs_are_a_row_for_each_model():
    table = tables.over_time([run(1), run(2)])
    assert table.index.tolist()[:3] == [(1, "Frozen"), (1, "Fine-tuned"), (1, "TF-IDF")]
    assert table.loc[(2, "Fine-tuned"), "accuracy"] == "94.1% (89.2% to 96.9%)"


def test_disagreements_have_each_model_s_answer_with_its_probability():
    given = Disagreement("a text", "good", "bad", 0.75, "good", 0.99)
    table = tables.texts([given] * 12)
    assert len(table) == 10
    assert table.iloc[0].tolist() == ["a text", "good", "bad (75%)", "good (99%)"]


def test_words_are_shown_to_the_left_and_what_is_not_known_as_nothing():
    words = tables.Shown({"text": ["a <td> of markup"]})._repr_html_()
    assert words.count('<td style="text-align: left">a &lt;td&gt; of markup</td>') == 1
    numbers = tables.Shown({"loss": [0.5, math.nan]})._repr_html_()
    assert [each.split("<")[0] for each in numbers.split("<td>")[1:]] == ["0.500", ""]
