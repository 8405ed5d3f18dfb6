import dataclasses
import json
import sys

import recipes
from measured_run import MeasuredRun

from albert_tfx.evaluation.measurements import Interval, ModelMetrics
from tests.support.summaries import SUMMARY, changed

GIVEN = ["--dataset=imdb_reviews", "--pooling=mean"]


def test_each_value_of_a_chosen_option_is_run_with_the_options_given(tmp_path, monkeypatch):
    taken = []

    def run(_, options):
        taken.append(options)
        accuracy = Interval(len(taken) / 10)
        models = {
            name: dataclasses.replace(model, metrics=ModelMetrics(10, {"accuracy": accuracy}))
            for name, model in SUMMARY.models.items()
        }
        return MeasuredRun("", changed(models=models), seconds=1, peak_memory=1)

    monkeypatch.setattr(recipes, "run", run)
    results = tmp_path / "results.json"
    arguments = ["--results", str(results), "--choices", "pooling", "--", *GIVEN]
    monkeypatch.setattr(sys, "argv", ["recipes.py", *arguments])
    recipes.main()

    # What comes last decides.
    assert taken == [[*GIVEN, f"--pooling={pooling}"] for pooling in ("mean", "pooled_output")]
    figures = {figure["name"]: figure for figure in json.loads(results.read_text())}
    assert figures["frozen, --pooling mean"]["value"] == 0.1
    assert figures["fine_tuned, --pooling pooled_output"]["value"] == 0.2
    commands = {figure["command"] for figure in figures.values()}
    assert commands == {" ".join(["python benchmarks/recipes.py --choices pooling --", *GIVEN])}
