"""One run of the whole pipeline, on reviews that two words decide and an encoder of 16 units."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

from albert_tfx import contract
from albert_tfx.data import schema
from albert_tfx.options import (
    DatasetOptions,
    EmbeddingOptions,
    FileOptions,
    PreprocessingOptions,
    TrainerOptions,
)
from albert_tfx.prediction import scoring
from pipelines.config import PipelineConfig
from pipelines.pipeline import create_pipeline
from pipelines.presets import IN_PROCESS, MINI_ENCODER, MINI_PREPROCESSOR
from tests.support import data, models

SEQUENCE_LENGTH = 32
_FILLER = ["the", "film", "was", "shown", "in", "a", "small", "town", "on", "a", "rainy", "day"]


def reviews(count: int, seed: int) -> list[tuple[str, int]]:
    """Returns distinct texts in which one word, of two, tells the class."""
    random = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        words = list(random.choice(_FILLER, size=random.integers(4, 40)))
        words.insert(int(random.integers(len(words))), ("awful", "lovely")[index % 2])
        rows.append((f"{' '.join(words)} {seed}.{index}", index % 2))
    return rows


def leaked(split: str) -> list[tuple[str, int]]:
    """Returns the reviews of `eval` or `test` that are also in `train`, in other type."""
    rows = {"eval": reviews(60, 2)[:2], "test": reviews(60, 3)[:4]}[split]
    return [(f"{text.upper()}!<br />", label) for text, label in rows]


def make_config(folder: Path) -> PipelineConfig:
    """Stores the reviews and the encoder below `folder`, and configures a run in it."""
    dataset = data.store_dataset(
        folder / "tfds",
        train=reviews(240, seed=1) + leaked("eval") + leaked("test"),
        eval=reviews(60, 2),
        test=reviews(60, 3),
    )
    encoder = models.save_encoder(folder / "encoder")
    shared: dict[str, Any] = {"encoder": encoder, "sequence_length": SEQUENCE_LENGTH}
    training: dict[str, Any] = {
        **shared,
        "batch_size": 16,
        "head_learning_rate": 0.02,
        "seeds": 2,
    }
    return PipelineConfig(
        name="tiny",
        output=str(folder / "output"),
        schema=str(schema.write(schema.for_classes(data.CLASSES), folder / "output" / "schema")),
        dataset=DatasetOptions(str(dataset), None, "train", "eval", "test"),
        preprocessing=PreprocessingOptions(MINI_PREPROCESSOR, SEQUENCE_LENGTH),
        embedding=EmbeddingOptions(**shared, batch_size=32),
        frozen=TrainerOptions(contract.FROZEN, epochs=3, **training),
        fine_tuned=TrainerOptions(
            contract.FINE_TUNED, epochs=4, encoder_learning_rate=0.02, **training
        ),
    )


def compilable(config: PipelineConfig, beam_args: tuple[str, ...] = IN_PROCESS) -> PipelineConfig:
    """Returns the configuration of a run for a file that knows neither its reviews nor its encoder.

    It has no texts to score either, as no compiled pipeline has.

    Args:
      config: The run's.
      beam_args: Flags for the Beam runner.
    """

    def portable(options):
        return dataclasses.replace(options, encoder=MINI_ENCODER, encoder_fingerprint="")

    return dataclasses.replace(
        config,
        beam_args=beam_args,
        dataset=dataclasses.replace(
            config.dataset, name=DatasetOptions().name, data_dir=f"{config.output}/datasets"
        ),
        embedding=portable(config.embedding),
        frozen=portable(config.frozen),
        fine_tuned=portable(config.fine_tuned),
        scoring=None,
    )


def with_texts_to_score(config: PipelineConfig, folder: Path) -> PipelineConfig:
    """Lets the run classify the lines of a file as well, of which the second is empty."""
    texts = [text for text, _ in reviews(70, seed=4)]
    file = folder / "new reviews.txt"
    file.write_text("\n".join([texts[0], "", *texts[1:]]))
    scored = scoring.from_file(file, Path(config.output, "scoring"), FileOptions())
    return dataclasses.replace(config, scoring=scored)


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run: where each artifact lies, and how each component ended."""

    config: PipelineConfig
    states: dict[str, str]
    uris: dict[tuple[str, str], str]

    def uri(self, component: str, output: str) -> str:
        return self.uris[component, output]

    @property
    def pushed_model(self) -> Path:
        """The version that this run pushed: the first, whatever later runs push beside it."""
        return min(Path(self.config.serving).iterdir())

    def model(self, component: str) -> str:
        """Returns the SavedModel of a component's `model` artifact."""
        return f"{self.uri(component, 'model')}/Format-Serving"


def run(config: PipelineConfig) -> Run:
    """Runs the pipeline and reads from ML Metadata what became of it."""
    LocalDagRunner().run(create_pipeline(config))
    connection = metadata.sqlite_metadata_connection_config(config.metadata)
    with metadata.Metadata(connection) as handle:
        return Run(config, *read_last(config.name, handle.store))


def read_last(pipeline: str, store) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Returns the state of each node of the latest run, and the uri of each output."""
    types = {t.id: t.name for t in store.get_context_types()}
    runs = [c for c in store.get_contexts() if types[c.type_id] == "pipeline_run"]
    latest = max(runs, key=lambda context: context.id)
    states, uris = {}, {}
    artifacts = {a.id: a for a in store.get_artifacts()}
    for execution in store.get_executions_by_context(latest.id):
        nodes = [
            c.name.removeprefix(f"{pipeline}.")
            for c in store.get_contexts_by_execution(execution.id)
            if types[c.type_id] == "node"
        ]
        (node,) = nodes
        states[node] = metadata_store_pb2.Execution.State.Name(execution.last_known_state)
        for event in store.get_events_by_execution_ids([execution.id]):
            if event.type == metadata_store_pb2.Event.OUTPUT:
                uris[node, event.path.steps[0].key] = artifacts[event.artifact_id].uri
    return states, uris


def read_examples(folder: str, split: str) -> list[tf.train.Example]:
    """Returns a split's examples."""
    files = sorted(tf.io.gfile.glob(f"{folder}/Split-{split}/*"))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    return [tf.train.Example.FromString(record.numpy()) for record in records]
