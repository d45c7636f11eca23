"""Configuration as checked data: what a section is, strict YAML, problems in plain words.

Read `section` (what every section is), `yaml_reader` (YAML 1.2 with line numbers), `problems` (pydantic's errors in our
words).
"""
