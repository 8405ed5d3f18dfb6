"""A named pipe, by which a process tells a test where it is: no test has to guess or to sleep."""

import os
import select


class Fifo:
    """The end that reads."""

    def __init__(self, path) -> None:
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def read(self, seconds=60) -> bytes:
        """Waits for something to read; returns b"" where all have closed it that had opened it."""
        assert select.select([self._descriptor], [], [], seconds)[0], "nothing was written"
        return os.read(self._descriptor, 1000)

    def close(self) -> None:
        os.close(self._descriptor)
