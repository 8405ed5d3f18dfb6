"""The one contract of names, dtypes and shapes that every component keeps.

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

`label` is the class index; the class names, in that order, are the tags of the label feature's
annotation in the schema. `labels` in the exported model's answer names the class of each column
of `probabilities`. The Trainers learn from no `text`; they send a few along with the exported
model, as warm-up requests.
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
SERVING_DEFAULT = "serving_default"
CLASSIFY_TEXT = "classify_text"

FROZEN = "frozen"
FINE_TUNED = "fine_tuned"
WINNER = "winner"
PRODUCTION = "production"

# HTML's line break within a text, as Python and RE2 read it.
LINE_BREAK = r"(?i)<br\s*/?>"
