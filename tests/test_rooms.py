"""The rooms of docs/architecture.md stay small enough to be known whole."""

from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
ROOMS = sorted(
    {file.parent for root in ("albert_tfx", "pipelines") for file in (PROJECT / root).rglob("*.py")}
)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(PROJECT)))
def test_a_room_has_at_most_nine_modules(room: Path):
    modules = [file.name for file in room.glob("*.py") if file.name != "__init__.py"]
    assert len(modules) <= 9, modules


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(PROJECT)))
def test_a_room_is_described(room: Path):
    described = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert f"`{room.relative_to(PROJECT)}/`" in described
