"""Requests that come at once are answered together: one batch at a time, in the order they came.

No request waits for others to come: while the model answers one batch, the next one gathers.
"""

import asyncio
import collections
import concurrent.futures
import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from albert_tfx.serving.options import Limits
from albert_tfx.serving.requests import Query, RequestError

if TYPE_CHECKING:
    from albert_tfx.serving.requests import Outputs

# What the exported model takes at once; see albert_tfx.modeling.serving_model.
_TEXTS_AT_ONCE = 64


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a version of the model answers.

    Attributes:
      version: Number of the version.
      outputs: What the signature gives, by name: arrays `[texts, ...]`.
    """

    version: int
    outputs: "Outputs"

    def rows(self, start: int, end: int) -> "Answer":
        """Returns the answer to some of the texts."""
        return Answer(self.version, {name: each[start:end] for name, each in self.outputs.items()})


Model = Callable[[str, Sequence[bytes]], Answer]


@dataclasses.dataclass(frozen=True)
class _Waiting:
    query: Query
    answer: "asyncio.Future[Answer]"


class Batches:
    """A queue of bounded length before a model that answers in a thread of its own."""

    def __init__(self, model: Model, limits: Limits) -> None:
        """Constructs an empty queue.

        Args:
          model: Answers a signature's values; it is never called twice at once.
          limits: How many texts may wait, and how long.
        """
        self._model = model
        self._limits = limits
        self._queue: collections.deque[_Waiting] = collections.deque()
        self._filled = asyncio.Event()
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "model")

    async def answer(self, query: Query) -> Answer:
        """Returns the model's answer.

        Raises:
          RequestError: Too many texts wait already (429), the answer took too long (504), or the
            model failed (500).
        """
        waiting = sum(len(each.query.values) for each in self._queue)
        if waiting and waiting + len(query.values) > self._limits.max_waiting:
            raise RequestError(429, f"{waiting:,} texts wait already: try again in a second")
        each = _Waiting(query, asyncio.get_running_loop().create_future())
        self._queue.append(each)
        self._filled.set()
        try:
            return await asyncio.wait_for(each.answer, self._limits.timeout)
        except TimeoutError:
            raise RequestError(504, f"No answer in {self._limits.timeout:g} seconds") from None

    async def run(self) -> None:
        """Answers what waits, until it is cancelled."""
        try:
            while True:
                await self._filled.wait()
                await self._answer_together(self._next())
                if not self._queue:
                    self._filled.clear()
        finally:
            self._thread.shutdown(wait=False)

    def _next(self) -> list[_Waiting]:
        """Takes the next requests of one signature: one, or more of few texts altogether."""
        batch: list[_Waiting] = []
        texts = 0
        while self._queue:
            first = self._queue[0]
            texts += len(first.query.values)
            is_other = batch and first.query.signature != batch[0].query.signature
            if batch and (is_other or texts > _TEXTS_AT_ONCE):
                break
            self._queue.popleft()
            if first.answer.done():  # nobody waits for it any more
                texts -= len(first.query.values)
            else:
                batch.append(first)
        return batch

    async def _answer_together(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        values = [value for each in batch for value in each.query.values]
        run = asyncio.get_running_loop().run_in_executor
        try:
            answer = await run(self._thread, self._model, batch[0].query.signature, values)
        except Exception as error:  # TensorFlow raises whatever the values led it to
            await self._answer_alone(batch, error)
            return
        start = 0
        for each in batch:
            end = start + len(each.query.values)
            if not each.answer.done():
                each.answer.set_result(answer.rows(start, end))
            start = end

    async def _answer_alone(self, batch: list[_Waiting], error: Exception) -> None:
        """Lets only those fail that fail alone."""
        if len(batch) > 1:
            for each in batch:
                await self._answer_together([each])
        elif not batch[0].answer.done():
            failed = RequestError(500, f"The model failed: {error}")
            batch[0].answer.set_exception(failed)
