"""What every process of a search is forked with: imported once, and not used."""

import os

from lstmzoo.startup import hidden_stderr

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
with hidden_stderr():
    import tensorflow as tf  # noqa: F401

    import lstmzoo.chief
    import lstmzoo.train
    import lstmzoo.trial
    import lstmzoo.worker  # noqa: F401
