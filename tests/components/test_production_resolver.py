"""Which push is found in production, of all that ML Metadata knows of."""

from typing import Any

import pytest
from tfx.types import standard_artifacts

from albert_tfx.release.production import FINGERPRINT, Production, record
from components.production_resolver import LatestOtherPush


def push(identifier: int, fingerprint: str, pushed: int = 1):
    artifact = standard_artifacts.PushedModel()
    artifact.id = identifier
    artifact.set_int_custom_property("pushed", pushed)
    record(artifact, Production("model", fingerprint, "version"))
    return artifact


def winner(fingerprint: str):
    artifact = standard_artifacts.Model()
    artifact.set_string_custom_property(FINGERPRINT, fingerprint)
    return artifact


@pytest.mark.parametrize(
    ("pushes", "found"),
    [
        ([], []),
        ([push(1, "a")], [1]),
        ([push(2, "b"), push(1, "a")], [2]),
        ([push(1, "a"), push(2, "b", pushed=0)], [1]),
        ([push(1, "w")], []),
        ([push(1, "a"), push(2, "w")], [1]),
        ([push(1, "a"), push(2, "w"), push(3, "w")], [1]),
        ([push(1, "a"), push(2, "w"), push(3, "a", pushed=0)], [1]),
        ([push(1, "a"), push(2, "w"), push(3, "b")], [3]),
        ([push(1, "w"), push(2, "b"), push(3, "w")], [2]),
    ],
)
def test_latest_push_of_another_model_is_found(pushes, found):
    inputs = {"model": [winner("w")], "pushed_model": pushes}
    store: Any = None  # what it reads is given
    resolved = LatestOtherPush().resolve_artifacts(store, inputs)
    assert [each.id for each in resolved["pushed_model"]] == found
    assert resolved["model"] == inputs["model"]
