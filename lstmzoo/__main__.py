"""The console script: `lstmzoo COMMAND ...` and `python -m lstmzoo COMMAND ...` run `python -m lstmzoo.COMMAND ...`.

Only the command that is called is imported.
"""

import sys
from importlib import import_module
from typing import NamedTuple


class Command(NamedTuple):
    """A command: the module whose `main(prog_name)` runs it, and a line that says what it does."""

    module: str
    does: str


COMMANDS = {
    "run": Command("lstmzoo.run", "train an experiment from its YAML file"),
    "sample": Command("lstmzoo.sample", "let a trained char model write"),
    "score": Command("lstmzoo.score", "measure how well a trained char model predicts a text"),
    "predict": Command("lstmzoo.predict", "predict the rows of a table with a trained series model"),
    "inspect": Command("lstmzoo.inspect.__main__", "write a page that shows what each cell of a model does"),
    "export": Command("lstmzoo.export.__main__", "write a trained model for TensorFlow, Keras, LiteRT, ONNX or C"),
    "sweep": Command("lstmzoo.sweep.__main__", "search settings with many trials"),
    "report": Command(
        "lstmzoo.report.__main__", "compare runs: all curves in one picture, and a table of what differs"
    ),
    "zoo": Command("lstmzoo.zoo.__main__", "list the named models"),
    "doctor": Command(
        "lstmzoo.doctor.__main__", "show what is installed on this machine, and test that it computes correctly"
    ),
}
USAGE = "usage: lstmzoo COMMAND ...\n\n" + "\n".join(f"  {name:<8} {each.does}" for name, each in COMMANDS.items())


def main() -> None:
    """Run the command that the first word names, or print the usage."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        from lstmzoo.system.command_line import run_and_leave

        run_and_leave(lambda: print(USAGE))
    if name not in COMMANDS:
        from lstmzoo.errors import did_you_mean, shown

        print(f"lstmzoo: expected a command, received {shown(name)}{did_you_mean(name, COMMANDS)}", file=sys.stderr)
        raise SystemExit(2)
    del sys.argv[1]
    import_module(COMMANDS[name].module).main(f"lstmzoo {name}")


if __name__ == "__main__":
    main()
