"""The former name of `albert_tfx.report.plot_style`, kept for one version."""

from albert_tfx.report.plot_style import *  # noqa: F403
