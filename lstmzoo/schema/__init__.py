"""Configuration as checked data: sections, strict YAML, problems in plain words.

Read `section` (the base class of every section), `yaml_reader` (YAML 1.2 with line numbers, of the values of
`yaml_scalars` and the tokens of `yaml_scanner`), `problems` (pydantic's errors in our words) and `places` (where an
unknown key lives).
"""
