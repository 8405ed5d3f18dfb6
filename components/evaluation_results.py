"""The former name of `albert_tfx.evaluation.results`, kept for one version."""

from albert_tfx.evaluation.results import *  # noqa: F403
