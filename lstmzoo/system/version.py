"""The version of lstmzoo; pyproject.toml reads it here."""

VERSION = "0.1.0"
