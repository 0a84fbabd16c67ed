"""Which folders are repositories, and what is read from them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from git_repositories import write_repository

from garner.errors import InputError
from replica.languages import language_statistics
from replica.licences import recognise
from replica.repositories import find_repositories, read_repository

MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and ..."


@pytest.mark.parametrize("layout", ["o/n.git", "o/n", "o+n/repo", "o+n.git", "o+n"])
def test_every_layout_is_found(tmp_path, layout):
    write_repository(tmp_path / layout, {"a.go": "package a\n"})
    assert find_repositories(tmp_path) == {("o", "n"): tmp_path / layout}


def test_dotted_names_and_names_with_plus_are_read_to_the_end(tmp_path):
    for layout in ("tj+commander.js/repo", "a/b.c.git", "x+y+z"):
        write_repository(tmp_path / layout, {})
    assert list(find_repositories(tmp_path)) == [("a", "b.c"), ("tj", "commander.js")]


def test_other_files_and_hidden_folders_are_passed_over(tmp_path):
    write_repository(tmp_path / "o/n.git", {})
    write_repository(tmp_path / ".hidden/n.git", {})
    (tmp_path / "README").write_text("x")
    (tmp_path / "o/notes").mkdir()
    assert list(find_repositories(tmp_path)) == [("o", "n")]


def test_same_name_twice_is_an_error_that_names_both(tmp_path):
    write_repository(tmp_path / "o/n.git", {})
    write_repository(tmp_path / "O+n", {})
    with pytest.raises(InputError, match="are both o/n"):
        find_repositories(tmp_path)


@pytest.mark.parametrize("missing", [True, False])
def test_folder_without_repositories_is_an_error_that_names_the_layouts(tmp_path, missing):
    with pytest.raises(InputError, match=r"owner\+name/repo"):
        find_repositories(tmp_path / "missing" if missing else tmp_path)


def read(path: Path, view: Path):
    return read_repository("o", "n", path, view, seed=0)


def test_git_directory_without_config_or_hooks_is_read(tmp_path):
    source = write_repository(tmp_path / "o+n/repo", {"a.rs": "fn main() {}\n", "COPYING": MIT})
    shutil.rmtree(source / "hooks")
    (source / "config").unlink()
    found = read(source, tmp_path / "view")
    assert (found.languages, found.licence.spdx_id, found.default_branch) == ({"Rust": 13}, "MIT", "main")


def test_head_that_names_no_commit_is_an_empty_repository(tmp_path, caplog):
    source = write_repository(tmp_path / "n", {"a.rs": "x"})
    (source / "HEAD").write_text("ref: refs/heads/other\n")
    found = read(source, tmp_path / "view")
    assert (found.head, found.languages, found.default_branch) == (None, {}, "other")
    assert "o/n: HEAD names no commit" in caplog.text


def test_damaged_repository_is_served_as_empty_and_named(tmp_path, caplog):
    source = write_repository(tmp_path / "n", {"a.rs": "x"})
    shutil.rmtree(source / "objects")
    (source / "objects").mkdir()
    assert read(source, tmp_path / "view").head is None
    assert "o/n" in caplog.text


def test_missing_file_is_named_and_the_others_count(tmp_path, caplog):
    source = write_repository(tmp_path / "n", {"a.rs": "x" * 10, "b.rs": "y" * 20}, commits=1)
    unpack(source)
    blob = subprocess.check_output(["git", "-C", source, "rev-parse", "HEAD:b.rs"], text=True).strip()
    (source / "objects" / blob[:2] / blob[2:]).unlink()
    assert read(source, tmp_path / "view").languages == {"Rust": 10}
    assert "o/n lacks 1 files of its last commit" in caplog.text


def test_missing_folder_is_named_and_the_repository_still_listed(tmp_path, caplog):
    source = write_repository(tmp_path / "n", {"src/a.rs": "x"})
    unpack(source)
    tree = subprocess.check_output(["git", "-C", source, "rev-parse", "HEAD:src"], text=True).strip()
    (source / "objects" / tree[:2] / tree[2:]).unlink()
    found = read(source, tmp_path / "view")
    assert (len(found.head), found.languages) == (40, {})
    assert "o/n is damaged" in caplog.text


def test_impossible_names_and_dates_do_no_harm(tmp_path, caplog):
    source = write_repository(tmp_path / "o/n.git", {})
    stream = b"commit refs/heads/main\ncommitter T <t@example.org> 999999999999999 +0000\ndata 0\n"
    subprocess.run(["git", "-C", source, "fast-import", "--quiet"], input=stream, check=True)
    write_repository(tmp_path / os.fsdecode(b"o\xff") / "a b.git", {})
    assert list(find_repositories(tmp_path)) == [("o", "n")]
    assert "GitHub has no such name" in caplog.text
    assert read(source, tmp_path / "view").pushed_at == "9999-12-31T23:59:59Z"


def unpack(repository: Path) -> None:
    """Every object in a file of its own."""
    for pack in list(repository.glob("objects/pack/*.pack")):
        content = pack.read_bytes()
        for part in repository.glob(f"objects/pack/{pack.stem}.*"):
            part.unlink()
        subprocess.run(["git", "-C", repository, "unpack-objects", "-q"], input=content, check=True)


def test_strange_paths_links_and_submodules_do_no_harm(tmp_path):
    source = write_repository(tmp_path / "n", {"a.lua": "x = 1\n"})
    stream = b"commit refs/heads/main\ncommitter T <t@example.org> 1700000000 +0000\ndata 0\n"
    stream += b"from refs/heads/main^0\n"
    for entry in (
        b'100644 inline "not\\377utf-8.lua"',
        b'100644 inline "new\\nline\\t.lua"',
        b"120000 inline link.lua",
    ):
        stream += b"M " + entry + b"\ndata 6\ny = 1\n\n"
    stream += b"M 160000 " + b"1" * 40 + b" submodule.lua\n"
    subprocess.run(["git", "-C", source, "fast-import", "--quiet"], input=stream, check=True)
    assert read(source, tmp_path / "view").languages == {"Lua": 18}


def test_shared_extensions_go_by_what_else_is_there():
    assert language_statistics([("a.h", 5), ("b.c", 1)]) == {"C": 6}
    assert language_statistics([("a.h", 5), ("b.cpp", 2), ("b.c", 1)]) == {"C++": 7, "C": 1}
    assert language_statistics([("a.h", 5), ("b.m", 1)]) == {"Objective-C": 6}
    assert language_statistics([("b.m", 1)]) == {"MATLAB": 1}
    assert language_statistics([("a.h", 5)]) == {"C": 5}


def test_vendored_documentation_and_data_files_do_not_count():
    files = [
        "vendor/a.js",
        "x/node_modules/a.js",
        "docs/a.py",
        "a.min.js",
        "a.json",
        "README.md",
        "py",
    ]
    assert language_statistics([(path, 9) for path in files]) == {}


def test_languages_stand_by_size_then_name():
    files = [("a.py", 1), ("b.go", 5), ("Makefile", 5), ("c.PY", 1), ("zero.rb", 0)]
    assert list(language_statistics(files).items()) == [("Go", 5), ("Makefile", 5), ("Python", 2)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The MIT License\n\n" + MIT, "MIT"),
        ("                 Apache License\n           Version 2.0, January 2004\n", "Apache-2.0"),
        (
            "GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007 ... the GNU Affero General Public",
            "GPL-3.0",
        ),
        (
            "GNU LESSER GENERAL PUBLIC LICENSE\nVersion 3 ... GNU General Public License, version 3",
            "LGPL-3.0",
        ),
        (
            "Redistribution and use in source and binary\nforms ... endorse or promote products",
            "BSD-3-Clause",
        ),
        (" * Redistribution and use in source\n * and binary forms ...", "BSD-2-Clause"),
        ("All rights reserved.", "NOASSERTION"),
    ],
)
def test_licences_are_known_by_their_phrases(text, expected):
    assert recognise(text).spdx_id == expected
