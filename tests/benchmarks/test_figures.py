import json
from pathlib import Path

import figures
import measured_run
import pytest
from figures import Figure


def test_a_commands_figures_replace_its_earlier_ones_and_no_others(tmp_path: Path):
    results = tmp_path / "results.json"
    figures.publish([Figure("rate", 1.0, "reviews/s")], "python a.py", results)
    figures.publish([Figure("share", 0.5, "", "< 1")], "python b.py", results)
    figures.publish([Figure("rate", 2.0, "reviews/s")], "python a.py", results)
    kept = json.loads(results.read_text())
    assert [(k["command"], k["name"], k["value"], k["bar"]) for k in kept] == [
        ("python b.py", "share", 0.5, "< 1"),
        ("python a.py", "rate", 2.0, None),
    ]
    assert all(
        set(k) == {"name", "value", "unit", "bar", "command", "machine", "date"} for k in kept
    )


def test_the_seconds_of_each_component_are_read_off_the_output():
    output = "Transform   running\nTransform   done      62.7 s\nPusher      cached\nok\n"
    measured = measured_run.MeasuredRun(output, {}, seconds=70.0, peak_memory=1.0)
    assert measured.component_seconds == {"Transform": pytest.approx(62.7), "Pusher": 0}
    assert measured.lines == 4
    assert measured.cached == {"Pusher"}
