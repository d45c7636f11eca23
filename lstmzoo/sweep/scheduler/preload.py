"""The imports with which every process of a search is forked: done once, and not used."""

import gc
import signal

from lstmzoo.system.command_line import hidden_stderr, import_tensorflow
from lstmzoo.system.signals import SIGNALS

for number in SIGNALS:  # the command ends the processes that it has started, in order
    signal.signal(number, signal.SIG_IGN)
with hidden_stderr():
    import_tensorflow()

gc.collect()
gc.freeze()  # imported objects stay: the collector of a child need not search them again and again
