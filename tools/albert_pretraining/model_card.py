"""The model card that travels with the exported encoder."""

from __future__ import annotations

import dataclasses
import pathlib

from albert_pretraining import training
from albert_pretraining.curve import CURVE_FILE, read_curve
from albert_pretraining.schedule import Schedule
from albert_pretraining.shape import EncoderShape

CURVE_ROWS = 12
HELD_OUT = "held_out_"
UNSHOWN = (f"{HELD_OUT}loss",)

RECIPE = """\
The word embeddings start from factorised counts of the same text: five parts of latent semantic
analysis (which pieces share reviews) and three of positive pointwise mutual information (which
stand nearby); {positions} of the {width} components start as the piece's place. Two attention
heads start by looking at the token before and the token after (mimetic initialisation, Trockman &
Kolter 2023), as a trained one's do; the rest is random. Three objectives: masked n-grams of whole
words (15 %, n ≤ 3) and sentence order, as in ALBERT; and, not in ALBERT's paper, pieces drawn
from the whole review are predicted from the mean of `sequence_output`, so that this mean, which a
frozen encoder is used by, says what a review is about. No dropout, as in ALBERT's version 2.
AdamW; the learning rate warms up, stays, and falls to nothing over the last quarter. Rows of 128
tokens, every eighth batch of 512, so that every position is trained."""

TEMPLATE = """# albert_en_mini

A small ALBERT for English film reviews, pretrained from scratch for this project. It is **not**
Google's `albert_en_base` nor derived from it: it has ALBERT's architecture and TF Hub's interface,
so that a run needs no download, and a small part of its knowledge.

| | |
|---|---|
| architecture | ALBERT (tf-models-official's `AlbertEncoder`): {layers} layers that share one set of weights, hidden {hidden}, {heads} heads, intermediate {intermediate}, embeddings {width} |
| parameters | {parameters:,} |
| vocabulary | {vocabulary:,} SentencePiece pieces (unigram), lower-cased, diacritics stripped; pad 0, unknown 1, [CLS] 2, [SEP] 3, [MASK] 4 |
| longest input | {length} tokens |
| interface | TF Hub's text encoder: int32 `input_word_ids`, `input_mask`, `input_type_ids` → `pooled_output` (= `default`), `sequence_output`, `encoder_outputs` |
| preprocessor | `albert_en_mini_preprocess`, beside it |
| licence | MIT |

## Data
IMDB reviews (Maas et al. 2011), TFDS `imdb_reviews`, splits `train` and `unsupervised`, **without
their labels**: {read:,} reviews read, {in_test:,} left out because the same text is in the
`test` split, {duplicates:,} exact repeats left out, {held_out} held out to measure on; {tokens:,}
tokens remain. The vocabulary and the word vectors come from the same text. No text of the `test`
split was seen in any step.

## Recipe
{recipe}

**{seen:,} tokens seen after the initialisation, of a budget of {budget:,}; {state}.** ALBERT's
authors trained theirs on about 262 billion (125,000 steps of 4,096 rows of 512; Lan et al. 2020, section 4.1).

## Curve
On the {held_out} held-out reviews.

{curve}

## Results
What a frozen and a fine-tuned classifier reach with it on IMDB's 25,000 test reviews, and with random
weights in its place: the table "What the pretraining is worth" in `benchmarks/README.md`,
measured by `benchmarks/pretraining_worth.py`.

## Limits
- Where the order accuracy above stays near 0.5, sentence order has not been learned.
- Film reviews in English; other text is far from what it saw.
- It carries the opinions and slurs of unmoderated reviews.
- Sentiment figures obtained with it are no statement about ALBERT-base.

## Rebuild
{rebuild}
See `tools/README.md`.
"""  # noqa: E501  a Markdown table's row is one line


def state_of(step: int, schedule: Schedule) -> str:
    """Returns how far the learning rate had come.

    >>> [state_of(step, Schedule(total_steps=400)) for step in (300, 301, 400)]
    ['taken before the rate fell', 'the rate had begun to fall', 'the rate had fallen to nothing']
    """
    if step >= schedule.total_steps:
        return "the rate had fallen to nothing"
    return (
        "the rate had begun to fall"
        if step > schedule.decay_start
        else "taken before the rate fell"
    )


def curve_table(rows: list[dict[str, str]], limit: int = CURVE_ROWS) -> str:
    """Returns at most `limit` held-out measurements, evenly spaced, the last one among them."""
    names = [name for name in rows[-1] if name.startswith(HELD_OUT) and name not in UNSHOWN]
    measured = [row for row in rows if all(row[name] for name in names)]
    stride = -(-len(measured) // limit) or 1
    chosen = measured[::-1][::stride][::-1]
    headings = [name.removeprefix(HELD_OUT).replace("_", " ") for name in names]
    lines = ["| tokens | " + " | ".join(headings) + " |", "|---" * (len(names) + 1) + "|"]
    for row in chosen:
        values = [f"{float(row[name]):.3f}" for name in names]
        lines.append(f"| {float(row['tokens']) / 1e6:.1f}M | " + " | ".join(values) + " |")
    return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class Training:
    """The training, as a card describes it.

    Attributes:
      recipe: how it was done, in Markdown.
      rebuild: the commands.
      seen: tokens read.
      budget: tokens that the schedule was made for.
      state: how far the learning rate had come.
    """

    recipe: str
    rebuild: str
    seen: int
    budget: int
    state: str


def tensorflow_training(folder: pathlib.Path, step: int, shape: EncoderShape) -> Training:
    """Returns the card's description of `pretrain_albert.py`'s training in `folder`."""
    options = training.read_options(folder)
    commands = f"python tools/pretrain_albert.py --tokens {options.tokens}"
    return Training(
        recipe=RECIPE.format(positions=shape.position_width, width=shape.embedding_width),
        rebuild=f"```\n{commands}\npython tools/export_albert.py\n```",
        seen=step * options.tokens_per_step,
        budget=options.tokens,
        state=state_of(step, options.schedule),
    )


def write(
    path: pathlib.Path,
    folder: pathlib.Path,
    counts: dict[str, dict[str, int]],
    shape: EncoderShape,
    trained: Training,
    *,
    parameters: int,
) -> None:
    """Writes the card.

    Args:
      path: of the card.
      folder: of the training, for its curve.
      counts: what the corpus kept and left out.
      shape: the encoder's sizes.
      trained: how the weights came about.
      parameters: of the encoder.
    """
    card = TEMPLATE.format(
        layers=shape.layers,
        hidden=shape.hidden_size,
        heads=shape.attention_heads,
        intermediate=shape.intermediate_size,
        width=shape.embedding_width,
        vocabulary=shape.vocabulary_size,
        length=shape.maximum_length,
        parameters=parameters,
        tokens=counts["tokens"]["training"],
        read=counts["all"]["read"],
        in_test=counts["all"]["in_test"],
        duplicates=counts["all"]["duplicates"],
        recipe=trained.recipe,
        rebuild=trained.rebuild,
        seen=trained.seen,
        budget=trained.budget,
        state=trained.state,
        held_out=counts["held_out"]["reviews"],
        curve=curve_table(read_curve(folder / CURVE_FILE)),
    )
    path.write_text(card, encoding="utf-8")
