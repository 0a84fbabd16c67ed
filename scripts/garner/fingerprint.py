"""What a stage's code means, as a hash: equal when only comments, docstrings or layout changed.

Snakemake reruns a job when its script changes, not when a module that the script imports does, and it goes by
modification times, so that a mere checkout would rerun weeks. The workflow therefore puts this hash of an
adapter and of every `garner` module that it imports, directly or not, into the rule's params.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

# These can't change a result: how an error is worded, how progress is shown, how and where a job runs.
LEFT_OUT = {"garner", "garner.errors", "garner.logs", "garner.jobs", "garner.staging"}


def fingerprint(script: Path | str, modules: Iterable[str] = ()) -> str:
    """Hexadecimal hash of `script`, of the modules named (`garner.models.bag`) and of all that they import.

    `script` lies in the folder that holds the package `garner`. The walk over the syntax tree is our own, for
    `ast.dump` differs between Python versions; it skips comments, docstrings, positions and empty fields.
    """
    script = Path(script)
    own = _parse(script)
    used = [*modules, *_imported(own, script.parent)]
    return _digest({"": own, **imported_trees(used, script.parent, LEFT_OUT)})


def fingerprint_of_modules(*names: str) -> str:
    """As `fingerprint`, of modules of this package alone."""
    return _digest(imported_trees(names, Path(__file__).parents[1], LEFT_OUT))


def _digest(trees: dict[str, ast.AST]) -> str:
    digest = hashlib.sha256()
    for name in sorted(trees):
        digest.update(f"{name}\n{meaning(trees[name])}\n".encode())
    return digest.hexdigest()[:16]


def imported_trees(names: Iterable[str], root: Path, left_out: Iterable[str] = ()) -> dict[str, ast.AST]:
    """The syntax trees, by name, of modules of the package `garner` in `root` and of all that they import.

    Those `left_out` are not followed, either.
    """
    trees: dict[str, ast.AST] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in trees and name not in left_out:
            trees[name] = _parse(module_file(name, root))
            todo += _imported(trees[name], root)
    return trees


def meaning(node: object) -> str:
    """One line for a syntax tree, free of positions, docstrings, empty fields and Python version."""
    if isinstance(node, ast.AST):
        fields = (
            f"{name}={meaning(value)}"
            for name, value in _fields(node)
            if name not in ("ctx", "type_comment", "kind") and value not in (None, [])
        )
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(meaning(item) for item in node)}]"
    return repr(node)


def _fields(node: ast.AST) -> Iterator[tuple[str, object]]:
    for name in node._fields:
        value = getattr(node, name, None)
        if name == "body" and isinstance(value, list) and value and _is_docstring(value[0]):
            value = value[1:]
        if isinstance(node, ast.Constant) and name == "value":
            value = (type(value).__name__, value)
        yield name, value


def _is_docstring(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _imported(tree: ast.AST, root: Path) -> Iterator[str]:
    """Names of the `garner` modules that a tree imports, at its head or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [node.module, *(name for name in inner if module_file(name, root).is_file())]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "garner")


def module_file(name: str, root: Path) -> Path:
    """Where a module of that name lies: `garner.files` in garner/files.py, a package in its __init__.py."""
    path = root.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_name(path.name + ".py")


def _parse(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
