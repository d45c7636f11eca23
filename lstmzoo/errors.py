"""What can go wrong, and the exit status that each kind of it has on the command line."""


class InputError(ValueError):
    """The user's input is wrong: exit status 2. The message says expected, received, what to do."""

    exit_status = 2


class Busy(InputError):
    """Another process writes to the directory."""


class ConfigError(InputError):
    """A configuration with problems; `problems` holds one line for each of them."""

    def __init__(self, problems: list[str]):
        self.problems = problems
        super().__init__("\n".join(problems))


class EnvironmentFailure(RuntimeError):
    """The surroundings failed (disk full, directory removed, ...): exit status 1."""

    exit_status = 1


class Diverged(ArithmeticError):
    """A loss, weight or state is not finite: exit status 3. The last good checkpoint is intact."""

    exit_status = 3


class Interrupted(KeyboardInterrupt):
    """A signal stopped the run after a checkpoint: exit status 128 + its number."""

    def __init__(self, signum: int, message: str):
        self.exit_status = 128 + signum
        super().__init__(message)
