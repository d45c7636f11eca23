"""The page of 100,000 symbols of two layers of 256: making it, opening it, scrolling and choosing cells in Chromium.

python -m experiments.inspect.long > experiments/inspect/long.md
"""

import argparse
import ast
import subprocess
import sys
import tempfile
import time
import typing
from pathlib import Path
from typing import Any

from tests.helpers import browser

FRAMES = """
const done = arguments[arguments.length - 1], times = [];
let last = performance.now();
function frame() {
  const now = performance.now();
  times.push(now - last);
  last = now;
  if (times.length === 120) return done([60, 114].map((place) => times.sort((a, b) => a - b)[place]));
  %s;
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);
"""
WATCH = """
window.longest = 0;
const note = (entry) => { longest = Math.max(longest, entry.duration); };
new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({type: "longtask", buffered: true});
"""


def main() -> None:
    """Print a table of what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        text, page = Path(folder, "text.txt"), Path(folder, "page.html")
        text.write_text("".join(Path(module.__file__).read_text() for module in (argparse, ast, typing)))
        made, found = make(text, page), measured(page)
        print("| what | measured |\n|---|---|")
        print(f"| the page is made in | {made:.1f} s |\n| its size | {page.stat().st_size / 1e6:.1f} MB |")
        print("".join(f"| {name} | {value} |\n" for name, value in found.items()), end="")


def make(text: Path, page: Path) -> float:
    """Make the page and return the seconds that the command took."""
    start = time.perf_counter()
    words = ["zoo:char_python", str(text), "--length", "100000", "--out", str(page)]
    subprocess.run([sys.executable, "-m", "lstmzoo.inspect", *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measured(page: Path) -> dict[str, str]:
    """Open the page and return what was measured by name."""
    driver: Any = browser.start()
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    start = time.perf_counter()
    browser.show(driver, page)
    found = {
        "all of it is there after": f"{time.perf_counter() - start:.1f} s",
        "longest task until then": longest(driver),
    }
    for what, action in (("it scrolls", "byId('text').scrollTop += 900"), ("cells change (h)", "chooseNext(1)")):
        driver.execute_script("return choose(1, 3, 'h')")
        half, most = driver.execute_async_script(FRAMES % action)
        found[f"half, and 95 of 100 frames while {what} take at most"] = f"{half:.0f} ms, {most:.0f} ms"
    start = time.perf_counter()
    driver.execute_script("return choose(1, 200, 'c')")
    found["c of a cell is computed in"] = f"{1000 * (time.perf_counter() - start):.0f} ms"
    found["longest task of all"] = longest(driver)
    driver.quit()
    return found


def longest(driver: Any) -> str:
    """Return the longest task that kept the page from answering, in milliseconds; those below 50 are not counted."""
    duration = driver.execute_script("return longest")
    return f"{duration:.0f} ms" if duration else "below 50 ms"


if __name__ == "__main__":
    main()
