"""Figures of the report as pictures of a notebook."""

from IPython.display import Image
from matplotlib.figure import Figure

from albert_tfx.report.plot_style import to_png

_WIDE, _NARROW = 720, 420  # pixels


def wide(figure: Figure) -> Image:
    """Returns a figure as a picture of a cell's width."""
    return Image(to_png(figure), width=_WIDE)


def narrow(figure: Figure) -> Image:
    """Returns a figure of one panel as a picture."""
    return Image(to_png(figure), width=_NARROW)
