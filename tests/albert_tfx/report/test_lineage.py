from tfx.types import standard_artifacts

from albert_tfx.report import lineage


def _artifact(number: int, uri: str):
    artifact = standard_artifacts.Examples()
    artifact.id, artifact.uri = number, uri
    return artifact


def test_artifacts_come_in_the_order_in_which_they_were_made_below_the_pipelines_root():
    inputs = {
        "test_evaluation": _artifact(12, "gs://bucket/runs/Evaluator.test/evaluation/9"),
        "examples": _artifact(4, "gs://bucket/runs/DuplicateFinder/examples/3"),
    }
    output = _artifact(20, "gs://bucket/runs/ComparisonReport/report/14")
    traced = lineage.trace(inputs, output)
    assert [(each.role, each.id, each.uri) for each in traced] == [
        ("examples", 4, "DuplicateFinder/examples/3"),
        ("test evaluation", 12, "Evaluator.test/evaluation/9"),
    ]


def test_artifacts_without_an_id_come_by_name():
    inputs = {name: _artifact(0, f"root/{name}/key/0") for name in ("frozen", "evaluation")}
    traced = lineage.trace(inputs, _artifact(0, "root/report/key/0"))
    assert [each.role for each in traced] == ["evaluation", "frozen"]
