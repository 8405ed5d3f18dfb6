import os

import measured_run
import predictions


def test_a_process_says_how_much_memory_it_has_needed():
    block = bytearray(os.urandom(1)) * (64 << 20)
    assert measured_run._peak_so_far(os.getpid()) > len(block) / 2**20


def test_of_a_process_that_is_no_more_nothing_is_known():
    assert measured_run._peak_so_far(2**30) == 0


def test_longer_lines_are_drawn_where_they_are_asked_for():
    texts = list(predictions.lines(200, fewest=6))
    assert min(text.count(". ") for text in texts) >= 5
    assert min(text.count(". ") for text in predictions.lines(200)) == 0
