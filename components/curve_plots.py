"""The former name of `albert_tfx.report.curve_plots`, kept for one version."""

from albert_tfx.report.curve_plots import *  # noqa: F403
