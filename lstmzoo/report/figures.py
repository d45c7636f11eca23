"""Figures without pyplot: an Agg canvas, fixed margins, one atomic write, and all memory freed."""

import gc
import io
import warnings
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import get_data_path, rc_context, rcParamsDefault
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from lstmzoo.system.files import write_atomically

DEFAULTS = {
    key: value for key, value in rcParamsDefault.items() if not key.startswith(("backend", "savefig.directory"))
}
MOST = 1e200  # a greater number is drawn as this one, and one nearer to 0 than 1 / MOST as that: an axis needs margins


def collected(draw: Callable[..., None]) -> Callable[..., None]:
    """Draw with matplotlib's own defaults, and free a figure's memory as soon as `draw` has returned.

    No setting of the user's counts: a picture is the same everywhere, and needs no LaTeX.
    A figure's parts refer to one another, so only the garbage collector frees them. It must do so while they are in its
    youngest generation: later it runs too rarely, and the memory of a run would grow.
    """

    @wraps(draw)
    def drawn(*arguments: Any) -> None:
        _put_own_fonts_first()
        enabled = gc.isenabled()
        gc.disable()  # nothing reaches an older generation while the figure is drawn
        try:
            with rc_context(DEFAULTS):
                draw(*arguments)
        finally:
            gc.collect(0)
            if enabled:
                gc.enable()

    return drawn


@cache
def _put_own_fonts_first() -> None:
    """Let matplotlib find the fonts that come with it before any other of the same name.

    It keeps the user's list of fonts, and may have lost its own there: written while its folder was being removed.
    """
    own = Path(get_data_path(), "fonts", "ttf")
    known = {font.fname for font in fontManager.ttflist}
    for path in sorted(own.glob("*.ttf")):
        if str(path) not in known:
            fontManager.addfont(path)
    fontManager.ttflist.sort(key=lambda font: own not in Path(font.fname).parents)


def blank(width: float, height: float) -> Figure:
    """Return an empty figure of `width` x `height` inches, with 100 pixels an inch."""
    figure = Figure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    return figure


def set_margins(figure: Figure, left: float, bottom: float, right: float, top: float, **between: float) -> None:
    """Set the margins in inches: matplotlib's own layout would take longer than the whole drawing."""
    width, height = figure.get_size_inches()
    figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height, **between)


def save_png(figure: Figure, path: Path) -> None:
    """Write the picture atomically; the same figure gives the same bytes."""
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in a script that the font does not have
        figure.savefig(picture, format="png")
    write_atomically(path, picture.getvalue())


def drawable(values: Any) -> np.ndarray:
    """Return numbers as an array that an axis can show, also a logarithmic one."""
    numbers = np.clip(np.asarray(values, np.float64), -MOST, MOST)
    return np.where(numbers > 0, np.maximum(numbers, 1 / MOST), numbers)
