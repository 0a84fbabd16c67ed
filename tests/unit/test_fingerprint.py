import ast

import pytest

from garner.fingerprint import fingerprint, meaning

FILES = {
    "stage.py": "from garner.work import answer\nfrom garner import lazy\n\nprint(answer())\n",
    "garner/__init__.py": "",
    "garner/work.py": "def answer():\n    from garner.deep.inner import base\n\n    return base + 2\n",
    "garner/lazy.py": "x = 1\n",
    "garner/deep/__init__.py": "",
    "garner/deep/inner.py": "import garner.errors\n\nbase = 40\n",
    "garner/errors.py": "message = 'old'\n",
    "garner/kinds.py": "kind = 1\n",
    "garner/elsewhere.py": "y = 1\n",
}


@pytest.fixture
def script(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "stage.py"


@pytest.mark.parametrize("name", ["stage.py", "garner/work.py", "garner/lazy.py", "garner/deep/inner.py"])
def test_code_changed_in_a_module_that_is_imported_directly_or_not_changes_it(script, name):
    before = fingerprint(script)
    path = script.parent / name
    path.write_text(path.read_text() + "\nchanged = True\n")
    assert fingerprint(script) != before


@pytest.mark.parametrize("name", ["stage.py", "garner/work.py", "garner/deep/inner.py"])
def test_comments_docstrings_and_layout_do_not_change_it(script, name):
    before = fingerprint(script)
    path = script.parent / name
    path.write_text(
        '"""A docstring."""\n\n\n# A comment.\n' + path.read_text().replace(" + ", " +  \\\n        ")
    )
    assert fingerprint(script) == before


@pytest.mark.parametrize("name", ["garner/errors.py", "garner/elsewhere.py", "garner/kinds.py"])
def test_modules_that_cannot_matter_do_not_change_it(script, name):
    before = fingerprint(script)
    (script.parent / name).write_text("entirely = 'new'\n")
    assert fingerprint(script) == before


def test_a_module_named_beside_the_script_counts(script):
    before = fingerprint(script, ["garner.kinds"])
    assert before != fingerprint(script)
    (script.parent / "garner" / "kinds.py").write_text("kind = 2\n")
    assert fingerprint(script, ["garner.kinds"]) != before


def test_the_type_of_a_constant_counts():
    assert meaning(ast.parse("x = 1")) != meaning(ast.parse("x = True")) != meaning(ast.parse("x = 1.0"))


def test_every_supported_python_gives_this_digest(script):
    """A fixed value: when this fails on a new Python, every result of every user would be made anew."""
    assert fingerprint(script) == "e8a1e2f94ec8c16b"
    sample = 'async def f(a, /, *b: int, c=1) -> str:\n    return f"{a!r:>{c}}" if (x := b) else lambda: {*b}'
    plain = meaning(ast.parse(sample))
    assert plain.startswith(
        "Module(body=[AsyncFunctionDef(name='f',args=arguments(posonlyargs=[arg(arg='a')]"
    )
