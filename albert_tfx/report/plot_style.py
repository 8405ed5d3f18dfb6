"""How the report's figures look, and how they become PNG: no display, no global state."""

import contextlib
import functools
import io
import textwrap
from typing import Literal

import matplotlib as mpl
from etils import epath
from matplotlib import font_manager, ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

from albert_tfx.contract import FINE_TUNED, FROZEN, YARDSTICK
from albert_tfx.printable import printable

RESOLUTION = 160  # dots an inch
WIDE = 10.0  # inches
NARROW = 5.2  # inches: half of a wide one, and still legible on a phone

# Okabe and Ito (2008), "Color Universal Design": told apart with any colour vision.
COLORS = {FROZEN: "#0072B2", FINE_TUNED: "#D55E00", YARDSTICK: "#00805E"}
# For readers who see no colours.
MARKERS = {FROZEN: "o", FINE_TUNED: "s", YARDSTICK: "^"}
LINE_STYLES = {FROZEN: "-", FINE_TUNED: "--", YARDSTICK: "-."}
INK = "#222222"
MUTED = "#6B6B6B"
GRID = "#E3E3E3"
PERCENT = ticker.PercentFormatter(xmax=1, decimals=0)

_TITLE_SIZES = {WIDE: 15, NARROW: 12}  # points
_OWN_FONT = "DejaVu Sans"  # comes with Matplotlib
_NO_FONT = "Last Resort"  # comes with Matplotlib, and has a box for every character
_LETTER = 0.64  # width of a bold letter, as a share of its size
_POINTS_AN_INCH = 72


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure; width `WIDE` or `NARROW`, and height, are in inches."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1))


def title(figure: Figure, text: str) -> None:
    """Writes the finding above the figure, wrapped to its width."""
    width = figure.get_figwidth()
    size = _TITLE_SIZES[width]
    letters = int(width * _POINTS_AN_INCH / (size * _LETTER))
    figure.suptitle(
        "\n".join(textwrap.wrap(text, letters, break_on_hyphens=False)),
        x=0.12 / width,
        ha="left",
        fontsize=size,
        fontweight="bold",
        color=INK,
    )


def cut(name: str, letters: int) -> str:
    """Returns a name for a figure's axis, cut off after `letters` letters.

    >>> cut("unfavourable", 8)
    'unfavou…'
    """
    name = printable(name)
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def tidy(axes: Axes, grid: Literal["x", "y", "both"] = "y") -> None:
    """Removes the parts of the axes that do not help to read values."""
    hidden = {"x": ["left"], "y": ["bottom"], "both": []}[grid]
    axes.spines[["top", "right", *hidden]].set_visible(False)
    axes.tick_params(length=0, colors=INK)
    axes.grid(axis=grid, color=GRID)
    axes.set_axisbelow(True)


def families(text: str) -> list[str]:
    """Returns the fonts that draw a text: Matplotlib's own, then others of this machine.

    Matplotlib's has no letters of Chinese, Japanese, Korean, Thai or Indian scripts. Of each
    character that it lacks, the first font by name that has it is taken; where there is none, an
    empty box is drawn, and the page has the name as text.
    """
    if text.isascii():
        return [_OWN_FONT]
    missing, found = {ord(each) for each in text if not each.isspace()}, [_OWN_FONT]
    for name, characters in _fonts():
        if missing & characters:
            found.append(name)
            missing -= characters
    return list(dict.fromkeys(found))


@functools.cache
def _fonts() -> tuple[tuple[str, frozenset[int]], ...]:
    """Returns the upright fonts of this machine with the characters of each, Matplotlib's first."""
    _know_new_fonts()
    upright = {
        each.name: each.fname
        for each in reversed(font_manager.fontManager.ttflist)
        if (each.style, each.variant, each.stretch) == ("normal", "normal", "normal")
        and not each.name.startswith(_NO_FONT)
    }
    names = sorted(upright, key=lambda name: (name != _OWN_FONT, name))
    return tuple((name, _characters(upright[name])) for name in names)


def _know_new_fonts() -> None:
    """Adds what was installed since Matplotlib wrote its list of fonts, which it never renews."""
    known = {each.fname for each in font_manager.fontManager.ttflist}
    for file in sorted({*font_manager.findSystemFonts()} - known):
        with contextlib.suppress(OSError, RuntimeError):  # of a file that is damaged
            font_manager.fontManager.addfont(file)


def _characters(file: str) -> frozenset[int]:
    """Returns the characters of a font; none of a file that is gone since, or damaged."""
    try:
        return frozenset(get_font(file).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def to_png(figure: Figure) -> bytes:
    """Returns the figure as a PNG file's content.

    No text in it is read as mathematics: class names may hold dollars.
    """
    FigureCanvasAgg(figure)
    content = io.BytesIO()
    for axes in figure.axes:
        axes.get_xticklabels()  # writes those of names, also of axes that are shared
        axes.get_yticklabels()
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_fontfamily(families(text.get_text()))
    # Some labels of ticks are made only as the figure is drawn.
    with mpl.rc_context({"text.parse_math": False}):
        figure.savefig(content, format="png", dpi=RESOLUTION, facecolor="white")
    return content.getvalue()


def save(figure: Figure, path: epath.PathLike) -> None:
    """Writes `figure` as PNG; `path` may be in a bucket."""
    epath.Path(path).write_bytes(to_png(figure))
