"""The command `python -m lstmzoo.zoo [PATTERN]`, which lists the named models."""

from typing import Annotated


def main(prog_name: str) -> None:
    """Run the command `python -m lstmzoo.zoo [PATTERN]`."""
    import typer

    from lstmzoo.system.command_line import command_line

    def zoo(pattern: Annotated[str, typer.Argument(help="shell pattern, such as 'char_*'")] = "*") -> None:
        """List the named models: parameters, where they come from, measured results."""
        from lstmzoo.system.terminal import printable
        from lstmzoo.zoo.catalogue import describe_models

        print(printable(describe_models(pattern)))

    command_line(zoo, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.zoo")
