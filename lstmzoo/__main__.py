"""`lstmzoo COMMAND ...` and `python -m lstmzoo COMMAND ...`: the same as `python -m lstmzoo.COMMAND ...`.

Only the command that is called is imported.
"""

import sys
from importlib import import_module
from typing import NamedTuple


class Command(NamedTuple):
    """A command: the module whose `main(prog_name)` it is, and what it does in a line."""

    module: str
    does: str


COMMANDS = {
    "run": Command("lstmzoo.run", "train an experiment from its YAML file"),
    "sample": Command("lstmzoo.sample", "let a trained char model write"),
    "score": Command("lstmzoo.score", "say how well a trained char model predicts a text"),
    "export": Command("lstmzoo.export.__main__", "write a trained model for TensorFlow, Keras, LiteRT or ONNX"),
    "sweep": Command("lstmzoo.sweep.__main__", "search settings with many trials"),
    "report": Command("lstmzoo.report.__main__", "compare runs: curves over one another, a table of what differs"),
    "zoo": Command("lstmzoo.zoo.__main__", "list the named models"),
    "doctor": Command(
        "lstmzoo.doctor.__main__", "say what is installed and found here, and test that it computes rightly"
    ),
}
USAGE = "usage: lstmzoo COMMAND ...\n\n" + "\n".join(f"  {name:<8} {each.does}" for name, each in COMMANDS.items())


def main() -> None:
    """Entry point of the console script."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print(USAGE)
        return
    if name not in COMMANDS:
        from lstmzoo.errors import did_you_mean

        print(f"lstmzoo: expected a command, received {name!r}{did_you_mean(name, COMMANDS)}", file=sys.stderr)
        raise SystemExit(2)
    del sys.argv[1]
    import_module(COMMANDS[name].module).main(f"lstmzoo {name}")


if __name__ == "__main__":
    main()
