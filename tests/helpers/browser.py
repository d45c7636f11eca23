"""A browser without a window: Debian's Chromium, driven by Selenium; tests skip with a reason where one is missing."""

import shutil
import time

import pytest

QUIET = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,900")


def start():
    """A driver; whoever starts it quits it."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="no browser tests: pip install selenium")
    paths = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in paths:
        pytest.skip("no browser tests: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = paths[0]
    for word in QUIET:
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(paths[1]))


def show(driver, path, address=""):
    """Open a page from disk, and wait until all of it is there."""
    driver.get("about:blank")
    driver.get(f"{path.as_uri()}{address}")
    wait_for(driver, "return document.documentElement.dataset.ready === 'true'")
    driver.execute_async_script("const [done] = arguments; requestAnimationFrame(() => setTimeout(done, 50))")  # drawn


def wait_for(driver, script, seconds=20):
    """Wait until a script returns something true, and return that."""
    end = time.monotonic() + seconds
    while not (found := driver.execute_script(script)):
        assert time.monotonic() < end, (script, driver.get_log("browser"))
        time.sleep(0.02)
    return found


def complaints(driver):
    """What the page wrote to the browser's console; that a test reads a picture often is no fault of the page."""
    return [line["message"] for line in driver.get_log("browser") if "willReadFrequently" not in line["message"]]
