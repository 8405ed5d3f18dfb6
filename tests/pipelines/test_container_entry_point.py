import json

from pipelines.container_entry_point import with_declared_types

_MODEL = {"artifactType": {"instanceSchema": "title: tfx.Model"}}


def _command(artifact):
    invocation = {"inputs": {"artifacts": {"model": {"artifacts": [artifact]}}}}
    declared = {"artifacts": {"model": _MODEL}}
    return [
        "--executor_class_path",
        "a.Executor",
        "--json_serialized_invocation_args",
        json.dumps(invocation),
        "--json_serialized_inputs_spec_args",
        json.dumps(declared),
        "--runner=FnApiRunner",
    ]


def _artifact(command):
    return json.loads(command[3])["inputs"]["artifacts"]["model"]["artifacts"][0]


def test_an_input_that_lost_its_type_gets_the_declared_one():
    """Kubeflow's backend sends `type: {}` or a type of its own; TFX cannot read either."""
    for sent in ({}, {"schemaTitle": "system.Artifact"}):
        completed = with_declared_types(_command({"uri": "gs://b/m", "type": sent}))

        assert _artifact(completed) == {"uri": "gs://b/m", "type": _MODEL["artifactType"]}


def test_nothing_else_of_the_command_changes():
    command = _command({"uri": "gs://b/m", "type": _MODEL["artifactType"]})

    completed = with_declared_types(command)

    assert completed[:3] + completed[4:] == command[:3] + command[4:]
    assert json.loads(completed[3]) == json.loads(command[3])
    assert with_declared_types(["--help"]) == ["--help"]
