"""The one contract of names, dtypes and shapes that every component keeps.

Whatever two modules have to name alike is named here: splits, features, signatures, models, nodes
of the pipeline, properties of artifacts, and files.

| artifact               | feature          | dtype   | shape              |
|------------------------|------------------|---------|--------------------|
| `examples`             | `text`           | string  | `[]`               |
|                        | `label`          | int64   | `[]`               |
| `transformed_examples` | `input_word_ids` | int64   | `[length]`, varies |
|                        | `label`          | int64   | `[]`               |
|                        | `text`           | string  | `[]`               |
| `embeddings`           | `pooled_output`  | float32 | `[hidden_size]`    |
|                        | `label`          | int64   | `[]`               |
|                        | `text`           | string  | `[]`               |
| exported model         | `probabilities`  | float32 | `[batch, classes]` |
|                        | `labels`         | string  | `[batch, classes]` |
|                        | `label`          | string  | `[batch]` *        |
|                        | `score`          | float32 | `[batch]`          |

`label` is the class index; the class names, in that order, are the tags of the label feature's
annotation in the schema. `labels` in the exported model's answer names the class of each column
of `probabilities`; its `label` is the name of the class that it says, and `score` how probable that
is. (* In `serving_default`, `label` is `[batch, 1]`, for the sake of TFX's BulkInferrer.) The
Trainers learn from no `text`; they send a few along with the exported model, as warm-up requests.
"""

TRAIN = "train"
EVAL = "eval"
TEST = "test"

TEXT = "text"
LABEL = "label"
INPUT_WORD_IDS = "input_word_ids"
INPUT_MASK = "input_mask"
INPUT_TYPE_IDS = "input_type_ids"
POOLED_OUTPUT = "pooled_output"
SEQUENCE_OUTPUT = "sequence_output"

PROBABILITIES = "probabilities"
LABELS = "labels"
SCORE = "score"
SERVING_DEFAULT = "serving_default"
CLASSIFY_TEXT = "classify_text"

FROZEN = "frozen"
FINE_TUNED = "fine_tuned"
YARDSTICK = "yardstick"
WINNER = "winner"
PRODUCTION = "production"

# The two models as a page or a plot names them: in a table, in a title, within a sentence.
SHORT_TITLES = {FROZEN: "Frozen", FINE_TUNED: "Fine-tuned"}
TITLES = {model: f"{title} encoder" for model, title in SHORT_TITLES.items()}
NAMES = {model: f"the {title.lower()}" for model, title in TITLES.items()}
# The third, which is no encoder, beside them.
ALL_SHORT_TITLES = {**SHORT_TITLES, YARDSTICK: "TF-IDF"}
ALL_TITLES = {**TITLES, YARDSTICK: "TF-IDF"}
ALL_NAMES = {**NAMES, YARDSTICK: "TF-IDF"}

# The features by which reviews are sliced, and words for them.
LENGTH_SLICE = "length"
LABEL_SLICE = "label_name"
SLICES = {LENGTH_SLICE: "length", LABEL_SLICE: "label"}

# Ids of the pipeline's nodes.
TFDS_EXAMPLE_GEN = "TfdsExampleGen"
DUPLICATE_FINDER = "DuplicateFinder"
IMPORT_SCHEMA_GEN = "ImportSchemaGen"
EMBEDDING_GEN = "EmbeddingGen"
COMPARISON_EVALUATOR = "Evaluator.comparison"
TEST_EVALUATOR = "Evaluator.test"
PRODUCTION_RESOLVER = "Resolver.production"
PUSHER = "Pusher"
COMPARISON_REPORT = "ComparisonReport"
BULK_INFERRER = "BulkInferrer"


def trainer_id(model: str) -> str:
    """Returns the id of a model's Trainer.

    >>> trainer_id(FROZEN)
    'Trainer.frozen'
    """
    return f"Trainer.{model}"


# Custom properties of a `PushedModel` that TFX's Pusher sets; TFX keeps their names to itself.
PUSHED = "pushed"
PUSHED_VERSION = "pushed_version"
PUSHED_DESTINATION = "pushed_destination"

# Files of artifacts and of output folders.
DUPLICATES_FILE = "duplicates.json"
SIZES_FILE = "sizes.json"
YARDSTICK_FILE = "yardstick.json"
ANSWERS_FILE = "eval_answers.npz"  # to the test reviews as well, since a later version
HISTORY_FILE = "history.json"
SEEDS_FILE = "seeds.npz"
PRECISION_FILE = "precision.json"
ENCODER_FILE = "encoder.json"
DECISION_FILE = "decision.json"
VERDICT_FILE = "verdict.json"
ORIGIN_FILE = "origin.json"
# What the trainings of a model's recipe answered to the test texts, in that folder, too.
RECIPE_FILE = "recipe.npz"
SUMMARY_FILE = "summary.json"
PAGE_FILE = "index.html"
MODEL_CARD_FILE = "MODEL_CARD.md"
# A SavedModel's own place for what other tools add to it.
EXTRA_ASSETS = "assets.extra"
# TensorFlow Serving's name for the requests that a model answers before it is served.
WARMUP_FILE = "tf_serving_warmup_requests"

# HTML's line break within a text, with HTML's white space. Python and RE2 read it alike.
LINE_BREAK = r"(?i)<br[ \t\n\f\r]*/?>"
