"""Configuration as checked data: sections, strict YAML, problems in plain words.

Read `section` (the base class of every section), `yaml_reader` (YAML 1.2 with line numbers), `problems` (pydantic's
errors in our words).
"""
