import copy
import json

import pytest

from albert_tfx.errors import InputError
from albert_tfx.options import TrainerOptions, decode
from pipelines.cloud import parameters
from tests.support import specs


def _resolved(spec, values):
    """Returns the task's constants as a backend would hand them to it."""
    inputs = spec["root"]["dag"]["tasks"]["only"]["inputs"]["parameters"]
    bound = {
        name: values[source["componentInputParameter"]]
        for name, source in inputs.items()
        if "componentInputParameter" in source
    }
    return {
        name: parameters.resolve(source["runtimeValue"]["constant"], bound)
        for name, source in inputs.items()
        if "runtimeValue" in source
    }


def test_without_a_value_every_option_is_what_was_compiled():
    spec = specs.one_task()

    resolved = _resolved(spec, parameters.read_values(spec, [], specs.OUTPUT))

    expected = specs.constants()
    assert resolved.keys() == expected.keys()
    for name, text in expected.items():
        assert resolved[name] == text


@pytest.mark.parametrize(
    ("given", "constant", "read", "value"),
    [
        ("dataset=ag_news", "dataset", lambda c: json.loads(c["value"])["name"], "ag_news"),
        ("encoder=gs://b/e", "embedding", lambda c: c["encoder"], "gs://b/e"),
        ("encoder=gs://b/e", "trainers", lambda c: c["frozen"]["options"]["encoder"], "gs://b/e"),
        ("preprocessor=gs://b/p", "preprocessing", lambda c: c["preprocessor"], "gs://b/p"),
        ("sequence_length=77", "preprocessing", lambda c: c["sequence_length"], 77),
        (
            "sequence_length=77",
            "trainers",
            lambda c: c["fine_tuned"]["options"]["sequence_length"],
            77,
        ),
        (
            "frozen_learning_rate=3e-5",
            "trainers",
            lambda c: (
                c["frozen"]["options"]["head_learning_rate"],
                c["fine_tuned"]["options"]["head_learning_rate"],
            ),
            (3e-5, 1e-3),
        ),
        (
            "fine_tuned_learning_rate=3e-5",
            "trainers",
            lambda c: (
                c["frozen"]["options"]["encoder_learning_rate"],
                c["fine_tuned"]["options"]["encoder_learning_rate"],
            ),
            (2e-5, 3e-5),
        ),
        (
            "threshold=0.3",
            "trainers",
            lambda c: [c[model]["answers"]["threshold"] for model in ("frozen", "fine_tuned")],
            [0.3, 0.3],
        ),
        (
            "abstain_label=ask a person",
            "trainers",
            lambda c: [c[model]["answers"]["abstain_label"] for model in ("frozen", "fine_tuned")],
            ["ask a person"] * 2,
        ),
    ],
)
def test_a_value_arrives_where_it_belongs_and_nowhere_else(given, constant, read, value):
    spec = specs.one_task()

    resolved = _resolved(spec, parameters.read_values(spec, [given], "gs://bucket/run"))

    assert read(json.loads(resolved[constant])) == value


def test_what_lay_below_the_output_folder_lies_below_the_output_root():
    spec = specs.one_task()

    resolved = _resolved(spec, parameters.read_values(spec, [], "gs://bucket/run"))

    assert resolved["destination"] == "gs://bucket/run/serving"
    assert specs.OUTPUT not in json.dumps(spec)


def test_a_parameter_says_its_type_default_and_use():
    declared = parameters.declared(specs.one_task())

    assert {name: definition["parameterType"] for name, definition in declared.items()} == {
        "output_root": "STRING",
        "dataset": "STRING",
        "encoder": "STRING",
        "preprocessor": "STRING",
        "sequence_length": "NUMBER_INTEGER",
        "frozen_learning_rate": "NUMBER_DOUBLE",
        "fine_tuned_learning_rate": "NUMBER_DOUBLE",
        "threshold": "NUMBER_DOUBLE",
        "abstain_below": "NUMBER_DOUBLE",
        "abstain_label": "STRING",
    }
    assert declared["frozen_learning_rate"]["defaultValue"] == 0.5
    assert "defaultValue" not in declared["output_root"]
    assert all(definition["description"] for definition in declared.values())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            "sequence_lenth=9",
            "There is no parameter 'sequence_lenth'. The pipeline takes abstain_below,",
        ),
        ("sequence_length", "'sequence_length' is not NAME=VALUE."),
        ("output_root=x", "There is no parameter 'output_root'."),
        ("sequence_length=many", "sequence_length cannot be 'many'. Give a value of type int."),
        ("sequence_length=2", "sequence-length cannot be 2. Give 3 to 4096"),
        ("threshold=1", "threshold cannot be 1.0. Give more than 0, below 1."),
        ("abstain_below=-0.1", "abstain-below cannot be -0.1."),
        ("frozen_learning_rate=0", "head_learning_rate cannot be 0.0."),
        ('encoder=a"b', "Leave quotes and backslashes out."),
        ("encoder=a\\b", "Leave quotes and backslashes out."),
        ("dataset=", "The parameter dataset is empty."),
        ("encoder=", "The parameter encoder is empty."),
        ("preprocessor=", "The parameter preprocessor is empty."),
    ],
)
def test_a_bad_value_is_refused_before_anything_runs(given, expected):
    with pytest.raises(InputError) as refused:
        parameters.read_values(specs.one_task(), [given], "gs://bucket/run")

    assert expected in str(refused.value)


@pytest.mark.parametrize("root", ['gs://bucket/"run"', "gs://bucket/a\\b"])
def test_an_output_root_with_quotes_or_backslashes_is_refused(root):
    with pytest.raises(InputError, match=r"output_root cannot be .*Leave quotes and backslashes"):
        parameters.read_values(specs.one_task(), [], root)


def test_options_that_disagree_cannot_be_one_parameter():
    spec = copy.deepcopy(specs.one_task())
    other = specs.constants()["embedding"].replace(specs.ENCODER, "asset://other")
    inputs = {
        name: {"runtimeValue": {"constant": text}}
        for name, text in {**specs.constants(), "embedding": other}.items()
    }
    spec["root"]["dag"]["tasks"]["only"]["inputs"]["parameters"] = inputs

    with pytest.raises(ValueError, match="encoder would be both"):
        parameters.make_settable(spec, specs.OUTPUT)


def test_a_parameter_that_nothing_reads_is_a_mistake():
    spec = copy.deepcopy(specs.one_task())
    spec["root"]["dag"]["tasks"]["only"]["inputs"]["parameters"] = {
        "dataset": {"runtimeValue": {"constant": specs.constants()["dataset"]}}
    }

    with pytest.raises(ValueError, match="encoder is nowhere"):
        parameters.make_settable(spec, specs.OUTPUT)


@pytest.mark.parametrize(("given", "expected"), [("3e-5", 3e-5), ("auto", "auto")])
def test_a_rate_that_is_to_be_found_may_be_given_at_submission(given, expected):
    spec = specs.one_task("auto")

    values = parameters.read_values(spec, [f"fine_tuned_learning_rate={given}"], "gs://bucket/run")

    options = json.loads(_resolved(spec, values)["trainers"])["fine_tuned"]["options"]
    assert decode(TrainerOptions, options).encoder_learning_rate == expected
    with pytest.raises(InputError, match="encoder_learning_rate cannot be 'fast'"):
        parameters.read_values(spec, ["fine_tuned_learning_rate=fast"], "gs://bucket/run")
