"""An exported file, opened again: what it is of, and what runs it."""

from pathlib import Path
from typing import NamedTuple

from lstmzoo.data.scaling import Scaling, parse_scaling
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import EnvironmentFailure, InputError, shown
from lstmzoo.export.formats.registry import FORMATS, format_of, require_format
from lstmzoo.export.notes import FACTS, SCALING, VOCABULARY
from lstmzoo.models.facts import Facts, load_facts
from lstmzoo.models.signature import Runner
from lstmzoo.system.accessories import before_tensorflow


class Opened(NamedTuple):
    """An exported file: its format, the facts of its model, and what its symbols or numbers stand for."""

    path: Path
    format: str
    facts: Facts
    symbols: Vocabulary | None
    scaling: Scaling | None

    def runner(self) -> Runner:
        """Load the model in the runtime of its format; raise `InputError` for a file whose model is damaged."""
        form = FORMATS[self.format]
        if not form.is_runtime:
            before_tensorflow()
        try:
            return form.open(self.path, self.facts.signature)
        except (InputError, EnvironmentFailure):
            raise
        except Exception as error:  # each runtime has its own
            said = shown(str(error).strip().split("\n")[0], 200)
            raise InputError(
                f"{shown(str(self.path), 200)}: expected a whole model with format {self.format}, received one that "
                f"cannot be opened ({type(error).__name__}: {said}): export it again"
            ) from error


def open_exported(path: Path) -> Opened:
    """Read what an exported file says of its model, whatever its format.

    Raises `InputError` for a path of no format, for a package that is not installed, and for a file that no export of
    this version wrote.
    """
    name = format_of(path)
    require_format(name)
    expected = f"{shown(str(path), 200)}: expected a model that lstmzoo has exported with format {name}"
    try:
        files = FORMATS[name].read(path)
        facts = load_facts(files[FACTS])
    except OSError as error:
        raise InputError(f"{expected}, received one that cannot be read ({error.strerror or error})") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{expected}, received another file ({error}): export it again") from error
    except KeyError:
        raise InputError(f"{expected}, received one without {FACTS}: export it again with this version") from None
    symbols = Vocabulary.parse(files[VOCABULARY], path) if VOCABULARY in files else None
    scaling = parse_scaling(files[SCALING], path) if SCALING in files else None
    opened = Opened(path, name, facts, symbols, scaling)
    _check(opened, expected)
    return opened


def _check(opened: Opened, expected: str) -> None:
    """Raise `InputError` where what is inside a file contradicts itself."""
    signature = opened.facts.signature
    sizes: list[tuple[int | None, int | None]] = []
    sizes += [] if opened.symbols is None else [(len(opened.symbols), signature.output_dim)]
    if opened.scaling is not None:
        sizes += [(opened.scaling.input_dim, signature.input_dim), (opened.scaling.outputs, signature.output_dim)]
    if any(received != size for received, size in sizes):
        raise InputError(f"{expected}, received one whose parts do not fit one another: export it again")
