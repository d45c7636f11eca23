"""Words of the package: a docstring begins with a verb or a noun, and old or unusual words occur nowhere.

PACKAGES are those that keep the rules; whoever has rewritten another one adds it, and its verbs to VERBS.
"""

import ast
import re
import tokenize

import pytest

from tests.house.test_layers import files, name_of

PACKAGES = (
    *("errors", "system", "schema", "data", "models", "tasks", "execution", "convert", "zoo", "config", "runs"),
    *(
        "training",
        "run",
        "export",
        "report",
        "inference",
        "inspect",
        "sweep",
        "doctor",
        "sample",
        "score",
        "predict",
        "__main__",
    ),
)
VERBS = (
    "Add Answer Ask Build Call Check Choose Claim Clean Close Collect Compare Compile Compute Convert Count Create "
    "Cut Decide Decode Derive Describe Do Draw Encode End Escape Estimate Evaluate Find Flush Forget Free Give Hand "
    "Handle Have Hide Hold Import Join Kill Lay Let Link List Load Lock Make Map Measure Move Multiply Name Note Open "
    "Parse Pass Plan Prepare Print Raise Read Redraw Register Remove Rename Reorder Report Reset Restore Return Round "
    "Run Save Say Score Search Send Set Show Solve Sort Start Take Tell Trace Train Try Turn Unlock Validate Wait Watch "
    "Write Yield"
).split()
BEGINNINGS = set(
    "According As At Be Because Builds By Called Either For From Gives He Holds How If In Is Itself It Makes Nobody Not "
    "Nothing Of On Once Or Reads Runs She So Somebody Something Stands Such Takes That They This To What Whatever When "
    "Where Whether Which Who Whoever Why With Without Writes".split()
)  # no docstring begins with one of them
OLD_WORDS = re.compile(
    r"\b(anew|afresh|bears?|told|tells? of|(see|sees|seen|saw) to|the very|for want of|strangers?|surroundings?|lest|"
    r"wherefore|hears?|heard|listens?|listeners?|somebody|nobody|(without|by your|gives?|has|have) leave|"
    r"save (for|that|in)|mend|whence|hence|thus|shall|ought)\b",
    re.IGNORECASE,
)
PATHS = [path for path in files() if name_of(path).split(".")[0] in PACKAGES]


def definitions(tree):
    """(kind, name, docstring, whether it needs one) of a module and all its classes, functions and properties."""
    yield "module", "", ast.get_docstring(tree), True
    yield from inside(tree, True)


def inside(node, is_public):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            public = is_public and not child.name.startswith("_")
            yield kind_of(child), child.name, ast.get_docstring(child), public
            yield from inside(child, public and isinstance(child, ast.ClassDef))
        else:
            yield from inside(child, is_public)


def kind_of(node):
    if isinstance(node, ast.ClassDef):
        return "class"
    decorators = {ast.unparse(each).rpartition(".")[2] for each in node.decorator_list}
    return "property" if decorators & {"property", "cached_property"} else "function"


def problems(source):
    """A line for each docstring that is missing, or begins with another word than it should."""
    found = []
    for kind, name, docstring, needed in definitions(ast.parse(source)):
        first = re.match(r"[A-Z][\w'-]*", docstring or "")
        if docstring is None:
            found += [f"{kind} {name}: has no docstring"] if needed else []
        elif first is None or first[0] in BEGINNINGS:
            found.append(f"{kind} {name}: begins with {docstring.split()[0]!r}, which is neither a verb nor a noun")
        elif kind == "function" and first[0] not in VERBS:
            found.append(f"{kind} {name}: begins with {first[0]!r}, which is no verb of VERBS")
    return found


def old_words(path):
    """(line, word) of each old word in the strings and comments of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((node.lineno, match[0]) for match in OLD_WORDS.finditer(node.value))
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield from ((token.start[0], match[0]) for match in OLD_WORDS.finditer(token.string))


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_a_docstring_begins_with_a_verb_or_a_noun(path):
    assert problems(path.read_text()) == []


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_old_words_occur_nowhere(path):
    assert list(old_words(path)) == []


def test_the_packages_are_there_and_the_verbs_sorted():
    assert {name_of(path).split(".")[0] for path in PATHS} == set(PACKAGES)
    assert sorted(set(VERBS)) == VERBS


SAMPLE = '''"""Counters of a run."""

class Counter:
    """What is counted."""

    @property
    def steps(self):
        """Number of steps."""

    def add(self):
        """Steps of a run."""

    def plain(self):
        def inner():
            pass

class _Private:
    def read(self):
        pass

def first():
    """`x` as it is."""

def second():
    """Whether it is over."""

def third():
    """Return the third."""
'''


def test_the_check_finds_what_is_wrong(tmp_path):
    assert [problem.split(", ")[0] for problem in problems(SAMPLE)] == [
        "class Counter: begins with 'What'",
        "function add: begins with 'Steps'",
        "function plain: has no docstring",
        "function first: begins with '`x`'",
        "function second: begins with 'Whether'",
    ]
    path = tmp_path / "odd.py"
    path.write_text('x = f"{1} nobody waits"  # told of it\n"""Bears a name."""\ny = "a table, shallow"\n')
    assert sorted(old_words(path)) == [(1, "nobody"), (1, "told"), (2, "Bears")]
