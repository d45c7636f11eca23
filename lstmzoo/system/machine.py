"""Device and cores of the machine that this process runs on."""

import os
from pathlib import Path

DRIVER = Path("/dev/nvidiactl")
UNSEEN = "an NVIDIA driver is loaded, but TensorFlow sees no GPU"


def find_device() -> str:
    """Return "gpu" if TensorFlow sees one, else "cpu"."""
    return explain_device()[0]


def explain_device() -> tuple[str, str]:
    """Return the device ("gpu" or "cpu") and the reason; TensorFlow is imported only where a driver is loaded."""
    if not DRIVER.exists():
        return "cpu", "no NVIDIA driver is loaded"
    if (hidden := os.environ.get("CUDA_VISIBLE_DEVICES")) in ("", "-1"):
        return "cpu", f"CUDA_VISIBLE_DEVICES={hidden} hides every GPU"
    import tensorflow as tf

    found = len(tf.config.list_physical_devices("GPU"))
    return ("gpu", f"TensorFlow sees {found}") if found else ("cpu", UNSEEN)


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
