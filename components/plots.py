"""The former name of `albert_tfx.report.accuracy_plots`, kept for one version."""

from albert_tfx.report.accuracy_plots import *  # noqa: F403
