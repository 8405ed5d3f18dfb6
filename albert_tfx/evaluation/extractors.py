"""How reviews reach TFX's Evaluator: in batches of like length, with what they are sliced by.

`Evaluator(module_path="albert_tfx.evaluation.extractors")` finds `custom_extractors` and
`custom_eval_shared_model` by their names, in any process and in any container that has this
package.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.transforms import window
from apache_beam.utils import windowed_value
from etils import epath
from numpy.typing import NDArray
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.api import model_eval_lib, types
from tensorflow_model_analysis.extractors import extractor, unbatch_extractor
from tensorflow_model_analysis.proto import config_pb2
from tfx_bsl.tfxio import tensor_adapter

from albert_tfx.contract import LABEL, LABEL_SLICE, LABELS, LENGTH_SLICE, TEXT
from albert_tfx.data.lengths import count_words, length_name

# On a CPU, batches of 16 to 64 reviews take the least time a review; larger ones leave its caches.
BATCH_SIZE = 32
# Reviews that are sorted by length at a time: the more, the less padding, and the more memory.
WINDOW = 1024


def custom_eval_shared_model(eval_saved_model_path: str, **options: Any) -> types.EvalSharedModel:
    """Returns the model in a `Model`'s folder, or in the folder of a served version.

    Args:
      eval_saved_model_path: Where TFX expects the SavedModel: in the folder `Format-Serving` of a
        `Model`. A served version has no such folder; it is the SavedModel itself.
      **options: Those of `tfma.default_eval_shared_model`.
    """
    expected = epath.Path(eval_saved_model_path)
    folder = expected if expected.exists() else expected.parent
    return model_eval_lib.default_eval_shared_model(str(folder), **options)


def custom_extractors(
    eval_shared_model: types.MaybeMultipleEvalSharedModels,
    eval_config: config_pb2.EvalConfig,
    tensor_adapter_config: tensor_adapter.TensorAdapterConfig | None,
) -> list[extractor.Extractor]:
    """Returns TFMA's own extractors and two of ours: TFX's entry point.

    The first precedes all others, so that the models receive batches of `BATCH_SIZE` reviews of
    like length, in an order that depends on the reviews alone. The second adds the features
    `LENGTH_SLICE` and `LABEL_SLICE`, before a batch becomes single reviews.
    """
    extractors = model_eval_lib.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
    stages = [each.stage_name for each in extractors]
    add_features = beam.Map(add_slice_features)
    batch = beam.ParDo(BatchByLength())  # type: ignore[no-untyped-call]
    extractors.insert(
        stages.index(unbatch_extractor.UNBATCH_EXTRACTOR_STAGE_NAME),
        extractor.Extractor("AddSliceFeatures", add_features),
    )
    return [extractor.Extractor("BatchByLength", batch), *extractors]


def add_slice_features(extracts: types.Extracts) -> types.Extracts:
    """Adds the name of each review's length and of its label to a batch's features."""
    features = extracts[constants.FEATURES_KEY]
    lengths = [length_name(count_words(text)) for text in _flat(features[TEXT])]
    names = _class_names(extracts[constants.PREDICTIONS_KEY])
    labels = [names[label] for label in _flat(features[LABEL])]
    added = {LENGTH_SLICE: np.array(lengths), LABEL_SLICE: np.array(labels)}
    return {**extracts, constants.FEATURES_KEY: {**features, **added}}


def batches_of_like_length(rows: pa.Table) -> list[pa.RecordBatch]:
    """Returns `rows`, the shortest review first, in batches of `BATCH_SIZE`."""
    examples = pc.list_flatten(rows[constants.ARROW_INPUT_COLUMN])
    shortest_first = rows.take(pc.sort_indices(pc.binary_length(examples)))
    batches: list[pa.RecordBatch] = shortest_first.combine_chunks().to_batches(BATCH_SIZE)
    return batches


@beam.typehints.with_input_types(types.Extracts)
@beam.typehints.with_output_types(types.Extracts)
class BatchByLength(beam.DoFn):
    """Sorts `WINDOW` rows at a time; TFX's own batches depend on how fast the machine is."""

    def start_bundle(self) -> None:
        """Starts without rows."""
        self._waiting: list[pa.RecordBatch] = []

    def process(self, extracts: types.Extracts) -> Iterator[types.Extracts]:
        """Yields the rows of a window, as soon as there are as many."""
        self._waiting.append(extracts[constants.ARROW_RECORD_BATCH_KEY])
        while sum(batch.num_rows for batch in self._waiting) >= WINDOW:
            rows = pa.Table.from_batches(self._waiting)
            self._waiting = rows.slice(WINDOW).to_batches()
            yield from self._extracts(rows.slice(0, WINDOW))

    def finish_bundle(self) -> Iterator[windowed_value.WindowedValue]:
        """Yields the rows that are left."""
        if self._waiting:
            rows = pa.Table.from_batches(self._waiting)
            yield from map(window.GlobalWindows.windowed_value, self._extracts(rows))

    def _extracts(self, rows: pa.Table) -> Iterator[types.Extracts]:
        for batch in batches_of_like_length(rows):
            yield {constants.ARROW_RECORD_BATCH_KEY: batch}


def _class_names(predictions: dict[str, Any]) -> list[str]:
    """Returns the names that a model gives to its columns; both models of a run give the same."""
    outputs = predictions if LABELS in predictions else next(iter(predictions.values()))
    return [name.decode() for name in np.asarray(outputs[LABELS])[0]]


def _flat(values: NDArray[Any]) -> Iterable[Any]:
    return np.asarray(values).reshape(-1)
