"""The imports with which every process of a search is forked: done once, and not used."""

import gc
import os
import signal

from lstmzoo.system.accessories import before_tensorflow
from lstmzoo.system.command_line import hidden_stderr
from lstmzoo.system.signals import SIGNALS

for number in SIGNALS:  # the command ends the processes that it has started, in order
    signal.signal(number, signal.SIG_IGN)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
with hidden_stderr():
    before_tensorflow()
    import tensorflow as tf  # noqa: F401


gc.collect()
gc.freeze()  # imported objects stay: the collector of a child need not search them again and again
