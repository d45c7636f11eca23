"""The console script: `lstmzoo run ...` is `python -m lstmzoo.run ...`, and so on. Only the one called is imported."""

import sys
from importlib import import_module

COMMANDS = {
    "run": "train an experiment from its YAML file",
    "sample": "let a trained char model write",
    "score": "say how well a trained char model predicts a text",
    "export": "write a trained model for TensorFlow, Keras, LiteRT or ONNX",
    "sweep": "search settings with many trials",
    "report": "compare runs: curves over one another, a table of what differs",
    "zoo": "list the named models",
    "doctor": "say what is installed and found here, and test that it computes rightly",
}
USAGE = "usage: lstmzoo COMMAND ...\n\n" + "\n".join(f"  {name:<8} {text}" for name, text in COMMANDS.items())


def main() -> None:
    """Entry point of the console script."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print(USAGE)
        return
    if name not in COMMANDS:
        from lstmzoo.nearest import did_you_mean

        print(f"lstmzoo: expected a command, received {name!r}{did_you_mean(name, COMMANDS)}", file=sys.stderr)
        raise SystemExit(2)
    del sys.argv[1]
    import_module(f"lstmzoo.{name}").main(f"lstmzoo {name}")
