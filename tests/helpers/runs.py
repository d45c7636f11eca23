"""Run directories in tests: where a run would go on."""

from lstmzoo.runs.directory import RunDirectory
from lstmzoo.training.start import begin, requested


def started(directory):
    """Where the run would go on; nothing is trained."""
    with RunDirectory.claim(directory) as claimed:
        return begin(claimed, requested(claimed, None, ()))
