"""Requests of one moment share a batch; the queue, and the wait in it, have a bound."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from albert_tfx.serving.batches import Answer, Batches
from albert_tfx.serving.options import Limits
from albert_tfx.serving.requests import Query, RequestError


class Model:
    """Gives each value's length, and keeps the batches that it was asked.

    Attributes:
      asked: Signature and values of each call.
      gate: Where it is not set, a call waits for it.
      reached: Is set once a call has begun.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[bytes]]] = []
        self.gate, self.reached = threading.Event(), threading.Event()
        self.gate.set()

    def __call__(self, signature: str, values: Sequence[bytes]) -> Answer:
        self.reached.set()
        assert self.gate.wait(60)
        self.asked.append((signature, list(values)))
        if b"fail" in values:
            raise RuntimeError("it failed")
        return Answer(7, {"length": np.array([len(value) for value in values])})


def text(*values: str, signature: str = "classify_text") -> Query:
    return Query(signature, tuple(value.encode() for value in values), True)


def lengths(answer: Answer) -> list[int]:
    assert answer.version == 7
    return answer.outputs["length"].tolist()


def gathered(model: Model, first: Query, *others: Query, limits: Limits | None = None) -> list:
    """Lets `others` come while the model answers `first`; returns all answers and errors."""

    async def ask() -> list:
        batches = Batches(model, limits or Limits())
        run = asyncio.create_task(batches.run())
        model.gate.clear()
        asked = [asyncio.create_task(batches.answer(first))]
        await asyncio.to_thread(model.reached.wait, 60)
        asked += [asyncio.create_task(batches.answer(query)) for query in others]
        await asyncio.sleep(0)  # each other task runs as far as it can
        model.gate.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        run.cancel()
        return answers

    return asyncio.run(ask())


def test_what_comes_meanwhile_is_answered_together_and_each_gets_its_own():
    model = Model()
    answers = gathered(model, text("a"), text("bb", "ccc"), text("dddd"))
    assert [lengths(answer) for answer in answers] == [[1], [2, 3], [4]]
    assert model.asked == [("classify_text", [b"a"]), ("classify_text", [b"bb", b"ccc", b"dddd"])]


def test_a_batch_is_of_one_signature_and_in_the_order_of_the_requests():
    model = Model()
    other = text("example", signature="serving_default")
    gathered(model, text("a"), text("b"), other, text("c"))
    assert [signature for signature, _ in model.asked] == [
        *("classify_text", "classify_text", "serving_default", "classify_text")
    ]


def test_a_batch_has_no_more_texts_than_the_model_takes_at_once():
    model = Model()
    gathered(model, text("a"), text(*"b" * 40), text(*"c" * 24), text("d"), text(*"e" * 100))
    assert [len(values) for _, values in model.asked] == [1, 64, 1, 100]


def test_one_that_fails_leaves_the_others_of_its_batch_their_answers():
    answers = gathered(Model(), text("a"), text("fail"), text("bb"))
    assert isinstance(answers[1], RequestError)
    assert (answers[1].status, answers[1].message) == (500, "The model failed: it failed")
    assert [lengths(answers[0]), lengths(answers[2])] == [[1], [2]]


def test_a_full_queue_refuses_and_one_large_request_is_still_taken():
    limits = Limits(max_waiting=3)
    first, large, refused = gathered(Model(), text("a"), text(*"b" * 9), text("c"), limits=limits)
    assert lengths(first) == [1]
    assert lengths(large) == [1] * 9
    assert isinstance(refused, RequestError)
    assert refused.status == 429
    assert "9 texts wait already" in refused.message


def test_what_waits_too_long_is_told_so_and_is_not_computed():
    model = Model()

    async def ask() -> None:
        batches = Batches(model, Limits(timeout=0.01))
        run = asyncio.create_task(batches.run())
        model.gate.clear()
        for value in ("a", "b"):
            with pytest.raises(RequestError, match=r"No answer in 0\.01 seconds") as late:
                await batches.answer(text(value))
            assert late.value.status == 504
        model.gate.set()
        assert lengths(await Batches.answer(_patient(batches), text("ccc"))) == [3]
        run.cancel()

    asyncio.run(ask())
    assert model.asked[-1] == ("classify_text", [b"ccc"])
    assert ("classify_text", [b"b"]) not in model.asked


def _patient(batches: Batches) -> Batches:
    batches._limits = Limits(timeout=60)
    return batches
