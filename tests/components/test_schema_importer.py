from pathlib import Path

from tfx.types import standard_artifacts

from albert_tfx.data import schema
from components.schema_importer import SchemaImporter


def test_the_artifact_holds_the_schema_itself(tmp_path: Path):
    wanted = schema.for_classes(["bad", "fair", "good"])
    artifact = standard_artifacts.Schema()
    artifact.uri = str(tmp_path / "schema")

    SchemaImporter.test_call(schema_text=schema.as_text(wanted), schema=artifact)

    assert schema.load(tmp_path / "schema" / "schema.pbtxt") == wanted


def test_another_schema_is_another_execution():
    two, three, again = (
        SchemaImporter(schema_text=schema.as_text(schema.for_classes(names)))
        for names in ("ab", "abc", "ab")
    )

    assert two.exec_properties != three.exec_properties
    assert two.exec_properties == again.exec_properties
