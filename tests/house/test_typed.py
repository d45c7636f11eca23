"""The public names are typed: mypy accepts a client that uses them rightly, and finds what is wrong in another."""

import os
import subprocess
import sys

from tests.helpers.places import ROOT

RIGHT = """
import numpy as np
import lstmzoo

names: list[str] = lstmzoo.list_models("char_*")
model = lstmzoo.build_model(names[0], vocab_size=65, encoding="one_hot", batch_size=2)
states: list[tuple[np.ndarray, np.ndarray]] = lstmzoo.get_states(model)
lstmzoo.set_states(model, states)
result: dict[str, object] = lstmzoo.train_run(lstmzoo.load_config("echo", ["train.steps=10"]), "run", resume=False)
text = lstmzoo.sample_text("zoo:char_python", prompt="def ", length=20)
"""
WRONG = """
import lstmzoo

lstmzoo.list_models(3)
lstmzoo.train_run("echo", resum=True)
lstmzoo.nothing("zoo:char_python")
"""


def test_a_type_checker_knows_the_public_names(tmp_path):
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    line = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "right.py", "wrong.py"]
    cache = ["--config-file=", "--cache-dir", str(ROOT / ".mypy_cache" / "client")]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    said = subprocess.run([*line, *cache], capture_output=True, text=True, cwd=tmp_path, env=environment).stdout
    errors = [text.split(": error: ") for text in said.splitlines() if ": error: " in text]
    assert [place for place, _ in errors] == ["wrong.py:4", "wrong.py:5", "wrong.py:6"], said
    assert "incompatible type" in errors[0][1]
    assert "Unexpected keyword argument" in errors[1][1]
    assert "has no attribute" in errors[2][1]
