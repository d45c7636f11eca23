"""`python -m lstmzoo COMMAND ...`: the console script, where none is on the path."""

from lstmzoo.cli import main

if __name__ == "__main__":
    main()
