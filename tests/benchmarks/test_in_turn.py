import pytest
from in_turn import measure_in_turn, median_ratio


def test_measures_alternate():
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return len(order)

    found = measure_in_turn({name: lambda n=name: measure(n) for name in "ab"}, repeats=3)
    assert order == ["a", "b"] * 3
    assert found == {"a": [1, 3, 5], "b": [2, 4, 6]}


def test_the_ratio_is_the_median_of_neighbours_not_of_medians():
    # A machine that slows down fourfold halfway leaves each pair's ratio as it was.
    assert median_ratio([40.0, 20.0, 40.0, 10.0, 10.0], [20.0, 10.0, 10.0, 5.0, 5.0]) == 2.0


def test_only_pairs_can_be_compared():
    with pytest.raises(ValueError, match="shorter"):
        median_ratio([1.0, 2.0], [1.0])
