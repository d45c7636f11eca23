"""Paths of a task's data in the YAML: relative to its file there, absolute in the resolved config."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any

from lstmzoo.data.reading import file_problem
from lstmzoo.schema.section import expected

MOST_FILES = 1000  # their paths stand in the run's config


def find_files(name: str, context: dict[str, Any], what: str, like: str = "*.txt", near: str = "") -> list[str]:
    """Return absolute paths for a path or a glob, relative to the first folder of the context that has them.

    `context`: of the validator, with `folders` and `files_may_lack`; `what`: what is expected, such as "a text file";
    `like`: the files that a directory may hold; `near`: a hint for a name that is no file.
    """
    if context.get("files_may_lack"):
        return [name]
    problems = []
    for folder in context.get("folders") or [Path.cwd()]:
        path = os.path.abspath(folder / os.path.expanduser(name))  # noqa: PTH100, PTH111  (Path's own follow links, raise)
        files = [path] if os.path.exists(path) or not glob.has_magic(path) else _matches(path)  # noqa: PTH110  (raises)
        problem = next(filter(None, (file_problem(Path(file), like) for file in files)), None)
        if len(files) > MOST_FILES:
            raise expected(f"at most {MOST_FILES:,} files ({len(files):,} match: join them)")
        if files and not problem:
            return files
        problems.append(f"{path} {problem}" if problem else f"no file matches {path}")
    if not name.isprintable():
        problems[0] = f"{ascii(problems[0])[1:-1]}: a backslash in double quotes begins an escape, take single quotes"
    raise expected(f"{what} ({problems[0]})", near=near)


def _matches(pattern: str) -> list[str]:
    found = glob.glob(pattern, recursive=True)  # noqa: PTH207  (Path.glob takes no absolute pattern)
    return sorted(file for file in found if Path(file).is_file())
