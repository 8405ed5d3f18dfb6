"""Messages to a support desk of three classes, composed here: 80, 15 and 5 % of them.

Most ask something, some cancel something, and one in twenty reports that something is broken. They
share most of their words, and one message in ten says too little to tell.
"""

import csv
from pathlib import Path

import numpy as np
from skewed_classes import BROKEN, CLOSINGS, OPENINGS, ORDINARY, THINGS, VAGUE, VAGUE_SHARE

SHARES = {"question": 0.8, "cancellation": 0.15, "fault": 0.05}
_CANCELLED = (
    "please take the {0} off our plan; the {1} stays.",
    "from next month on we go without the {0}, and keep the {1}.",
    "I would like to end our contract for the {0}, not the one for the {1}.",
    "the {1} is enough for us, so that you can close the {0}.",
    "how do I get rid of the {0}? The {1} does the same.",
)
_OWN = {"question": ORDINARY, "cancellation": _CANCELLED, "fault": BROKEN}


def write(file: Path, count: int, seed: int) -> None:
    """Writes a CSV file with the columns `text` and `label`."""
    random = np.random.default_rng(seed)
    labels = random.choice(list(SHARES), size=count, p=list(SHARES.values()))
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened)
        rows.writerow(["text", "label"])
        rows.writerows([_message(random, label), label] for label in labels)


def _message(random: np.random.Generator, label: str) -> str:
    sentence = random.choice(VAGUE if random.random() < VAGUE_SHARE else _OWN[label])
    things = random.choice(THINGS, size=2, replace=False)
    parts = (random.choice(OPENINGS), sentence.format(*things), random.choice(CLOSINGS))
    return " ".join(filter(None, parts))
