import numpy as np
import tested_run
from measured_run import MeasuredRun

from tests.support.summaries import SUMMARY


def test_the_gain_is_paired():
    labels = np.array([0, 1] * 50)
    right = np.eye(2)[labels]
    frozen = right.copy()
    frozen[:20] = 1 - frozen[:20]
    run = MeasuredRun("Transform  done  7.5 s", SUMMARY, seconds=60, peak_memory=0)
    found = {"frozen": frozen, "fine_tuned": right}
    listed = tested_run.figures_of("mini", run, found, labels, {"frozen": ">= 0.85"})
    figures = {figure.name.removeprefix("mini, "): figure for figure in listed}
    assert len(figures) == len(listed)
    assert figures["frozen, 100 test reviews"].value == 0.8
    assert figures["frozen, 100 test reviews"].bar == ">= 0.85"
    assert figures["fine_tuned, 100 test reviews"].value == 1
    np.testing.assert_allclose(figures["gained, value"].value, 0.2)
    # Normal interval of a share of 0.2 among 100: 1.96 standard errors of 0.04.
    np.testing.assert_allclose(figures["gained, lower"].value, 0.2 - 1.96 * 0.04, atol=2e-3)
    np.testing.assert_allclose(figures["gained, upper"].value, 0.2 + 1.96 * 0.04, atol=2e-3)
    assert figures["whole run"].value == 1
    assert figures["Transform"].value == 7.5
