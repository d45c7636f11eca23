"""Output of a notebook's cell: parts that are replaced while the cell runs, and pictures."""

import sys
from pathlib import Path
from typing import Any


def in_notebook() -> bool:
    """Tell whether the program runs in a notebook's kernel, whose output is neither a terminal nor a file."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


class Part:
    """A part of a cell's output, which is replaced each time that something is shown."""

    def __init__(self) -> None:
        self.handle: Any = None

    def show(self, content: Any) -> None:
        """Show an object: one of rich's, or IPython's `Image`."""
        from IPython.display import display

        if self.handle is None:
            self.handle = display(content, display_id=True)
        else:
            self.handle.update(content)


class Gallery:
    """The pictures of a folder, each in a part of its own."""

    def __init__(self) -> None:
        self.parts: dict[Path, Part] = {}
        self.seen: dict[Path, int] = {}

    def show(self, folder: Path) -> None:
        """Show the PNG files of a folder that are new or have changed."""
        from IPython.display import Image

        for path in sorted(folder.glob("*.png")):
            changed = path.stat().st_mtime_ns
            if self.seen.get(path) != changed:
                self.seen[path] = changed
                self.parts.setdefault(path, Part()).show(Image(data=path.read_bytes(), format="png"))
