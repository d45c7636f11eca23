"""Files that other programs run: one module a format, each writes a blueprint and opens what it wrote."""
