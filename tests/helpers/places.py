"""Places in the clone."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
CONFIGS = ROOT / "configs"
ECHO = CONFIGS / "echo.yaml"
