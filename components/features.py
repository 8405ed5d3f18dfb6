"""The former name of `albert_tfx.contract`, kept for one version."""

from albert_tfx.contract import *  # noqa: F403
