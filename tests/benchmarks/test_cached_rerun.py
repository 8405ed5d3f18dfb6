import cached_rerun
import pytest
from measured_run import MeasuredRun

CACHED = "Transform   cached\nPusher   cached\nResolver.production   done      0.1 s\n"


def run_that_prints(output: str) -> MeasuredRun:
    return MeasuredRun(output, {}, seconds=1.0, peak_memory=1.0)


def test_a_run_that_does_anything_anew_is_not_measured(monkeypatch, tmp_path):
    again = CACHED.replace("Pusher   cached", "Pusher   done      0.1 s")
    monkeypatch.setattr(cached_rerun.measured_run, "run", lambda *_: run_that_prints(again))
    with pytest.raises(SystemExit, match="does anew Pusher"):
        cached_rerun.measure(tmp_path, [], repeats=1)


def test_what_is_cached_is_measured_against_both_imports(monkeypatch, tmp_path):
    monkeypatch.setattr(cached_rerun.measured_run, "run", lambda *_: run_that_prints(CACHED))
    monkeypatch.setattr(cached_rerun, "TFX_V1", "import json")
    monkeypatch.setattr(cached_rerun, "TFX", "pass")
    found = cached_rerun.measure(tmp_path, [], repeats=2)
    assert found["local_runner.py again"] == [1.0, 1.0]
    assert len(found["import json"]) == len(found["pass"]) == 2
    assert all(seconds > 0 for seconds in found["import json"])
