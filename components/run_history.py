"""The former name of `pipelines.runs`, kept for one version."""

from pipelines.runs import *  # noqa: F403
