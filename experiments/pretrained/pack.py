"""Makes a trained model of the package from a run: `pack.py RUN NAME "What it is, in a line." [--half]`.

The weights of the best step alone are kept, with `--half` in float16, and scored as they will be loaded; the card says
what they score before and after. LIMITS has what no measurement says.
"""

import argparse
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np

import lstmzoo
from lstmzoo.config.plan import make_plan
from lstmzoo.data.simulated import RATE, STRETCH, diode_clipper
from lstmzoo.inference.scoring import score_ids
from lstmzoo.runs.checkpoint import NAME, load_checkpoint, save_checkpoint
from lstmzoo.runs.trained import Trained, open_run
from lstmzoo.system.command_line import start_tensorflow
from lstmzoo.system.files import write_atomically
from lstmzoo.zoo.pretrained import MODELS

Row = dict[str, Any]
OTHER_SEED, OTHER_SECONDS = 1, 16  # sound that the clipper was not trained on
LIMITS = {
    "echo_4": """- It repeats bits three steps later, and nothing else; other delays need another training.
- The first three answers of a stream mean nothing: nobody can know them.""",
    "clipper": """- It knows one circuit (`lstmzoo/data/simulated.py` has its parts) at 44,100 rows a second, and no
  other pedal or rate.
- It takes and gives volts. In a WAV file a sample of 1, the full scale, is 1 V: integers reach no further, so drive the
  circuit harder with a file of floats. What comes out is below 0.62 V.
- It was trained on inputs of up to 4.4 V; of louder ones nothing is known.
- {other}
- It writes no text.""",
    "char_python": """- It spells 96 symbols: ASCII but for most control characters. It knows no others.
- It writes what looks like Python for a few lines: names, indentation and idioms, not programs that run.
- It has learnt the style of one code base, and parts of it by heart: what it writes may stand under that code's licence
  (PSF-2.0). The validation text is of the same code base; on other code it predicts less well.""",
}


def main() -> None:
    """Write the model's directory."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("run", type=Path)
    options.add_argument("name", choices=LIMITS)
    options.add_argument("line")
    options.add_argument("--half", action="store_true")
    given = options.parse_args()
    start_tensorflow(1)
    before = scores(open_run(given.run))
    pack(given.run, MODELS / given.name, given.half)
    after = scores(open_run(f"zoo:{given.name}"))
    write_card(given.name, given.line, before, after)


def pack(run: Path, place: Path, half: bool) -> None:
    """The files that a reader of a run needs, with nothing of the machine's paths."""
    environment = json.loads((run / "environment.json").read_text())
    step = open_run(run).step
    checkpoint = load_checkpoint(run / "checkpoints" / NAME.format(step))
    shutil.rmtree(place, ignore_errors=True)  # all that can fail is read
    (place / "checkpoints").mkdir(parents=True)
    for name in ("config.yaml", "vocab.json", "scaling.json", "result.json"):
        if (run / name).exists():
            shutil.copy(run / name, place / name)
    kept = {name: value for name, value in environment.items() if name not in ("command", "resumed")}
    write_atomically(place / "environment.json", (json.dumps(kept, indent=2) + "\n").encode())
    weights = {name: value for name, value in checkpoint.tensors.items() if name.startswith("weights/")}
    packed = {name: value.astype(np.float16 if half else value.dtype) for name, value in weights.items()}
    noted = {name: value for name, value in checkpoint.metadata.items() if name in ("vocab_sha256", "scaling_sha256")}
    save_checkpoint(place / "checkpoints" / NAME.format(step), packed, noted)


def scores(trained: Trained) -> dict[str, float]:
    """Of the validation part, as `python -m lstmzoo.score` does it; of others, in lanes as in training."""
    plan = make_plan(trained.experiment)
    if trained.experiment.task.writes:
        found = score_ids(trained, np.array(plan.task.parts.validating), 256)
        return {f"{name}, nats a character": found[name]["nats"] for name in ("carried", "cold")}
    import tf_keras as keras

    from lstmzoo.execution.engine import Execution
    from lstmzoo.training.validation import Validator

    train = trained.experiment.train
    execution = Execution(trained.model(train.batch_size), keras.optimizers.SGD(), "scan", loss=plan.task.loss)
    measured = Validator(plan.task, execution, train.seq_length, 100).measure() or {}
    return measured | ({"NRMSE": math.sqrt(1 - measured["val_r2"])} if "val_r2" in measured else {})


def write_card(name: str, line: str, before: dict[str, float], after: dict[str, float]) -> None:
    """README.md of the model: its third line is what `python -m lstmzoo.zoo` shows."""
    place = MODELS / name
    result = json.loads((place / "result.json").read_text())
    data = json.loads((place / "environment.json").read_text()).get("data", {})
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    trained = open_run(f"zoo:{name}")
    spec = trained.experiment.model
    model = f"{spec.kind} {list(spec.layers)}, {result['parameters']:,} parameters"
    table = "\n".join(f"| {key} | {value:.6g} | {after[key]:.6g} |" for key, value in before.items())
    training = (
        f"as the `config.yaml` of the package's model says, {result['steps']:,} steps; these are the weights after "
        f"step {trained.step:,}"
    )
    page = f"""# zoo:{name}

{line}

- **Data**: {source(trained, data)}.
- **Model**: {model}; encoding {trained.experiment.encoding}.
- **Training**: {training}.
- **Size**: {size / 1000:,.0f} kB in the package.

| validation | as trained | in the package |
|---|---|---|
{table}

## Limits

{limits(name)}

Made by lstmzoo's `experiments/pretrained/pack.py`.
"""
    write_atomically(place / "README.md", page.encode())


def limits(name: str) -> str:
    """What a model is not good for."""
    return LIMITS[name].format(other=other_sound() if name == "clipper" else "")


def other_sound() -> str:
    """The errors of the packed clipper on each half second of other sound, in words."""
    volts, wanted = diode_clipper(OTHER_SEED, OTHER_SECONDS * RATE).T
    found = lstmzoo.predict_series("zoo:clipper", volts)[:, 0]
    wanted, errors, heard = (each.reshape(-1, STRETCH) for each in (wanted, found - wanted, np.abs(volts)))
    shares, loudest = 100 * np.sqrt(np.mean(errors**2, axis=1)) / wanted.std(1), heard.max(1)
    return (
        f"On {OTHER_SECONDS} seconds of other sound (seed {OTHER_SEED}), {loudest.min():.2f} to {loudest.max():.1f} V "
        f"loud, the error was {shares.min():.2f} to {shares.max():.2f} % of\n  the output's deviation in each half "
        f"second, and {np.median(shares):.2f} % in the median one."
    )


def source(trained: Trained, data: Row) -> str:
    """What it was trained on, in words."""
    task, fraction = trained.experiment.task, trained.experiment.validation.fraction
    sources = {
        "echo": "random bits, to be repeated {echo_step} steps later",
        "char": "{text_symbols:,} characters of {corpus}, {vocab_size} different (SHA-256 {text_sha256})",
        "series": "{rows:,} rows of the simulated series {data} (seed {seed})",
    }
    said = sources[task.kind].format_map({**dict(task), "seed": trained.experiment.seed, **data})
    return said + (f"; the last {fraction:.0%} for validation" if data else "")


if __name__ == "__main__":
    main()
