"""Asks TensorFlow Serving by REST; needs nothing but Python.

python examples/rest_client.py "I wanted to like it." "What a film!"
"""

import json
import sys
import urllib.request
from collections.abc import Sequence

ADDRESS = "http://localhost:8501"
MODEL = "reviews"


def classify(texts: Sequence[str], address: str = ADDRESS) -> list[dict[str, float]]:
    """Returns for each text the probability of each class, by the class's name."""
    request = {"signature_name": "classify_text", "instances": list(texts)}
    url = f"{address}/v1/models/{MODEL}:predict"
    with urllib.request.urlopen(url, json.dumps(request).encode(), timeout=10) as response:
        predictions = json.load(response)["predictions"]
    return [dict(zip(p["labels"], p["probabilities"], strict=True)) for p in predictions]


if __name__ == "__main__":
    for answer in classify(sys.argv[1:]):
        print(answer)
