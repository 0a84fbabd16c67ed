import pytest

from garner.errors import ConfigError
from garner.languages import INTERPRETERS, Languages, Neighbours

STUDY = {
    "C": [".c", ".h"],
    "C++": [".cc", ".cpp", ".h"],
    "JavaScript": [".js"],
    "Lua": [".lua"],
    "Objective-C": [".m", ".h"],
    "Python": [".py"],
    "Ruby": [".rb", "Rakefile"],
    "Rust": [".rs"],
    "Shell": [".sh", ".zsh-theme"],
}
ANY_OF_C = ("C", "C++", "Objective-C")


@pytest.fixture(scope="module")
def languages():
    return Languages(STUDY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@interface Cat : NSObject\n@end", ("Objective-C",)),
        ('#import "Cat.h"\nint legs;', ("Objective-C",)),
        ("extern NSString * const CatName;", ("Objective-C",)),
        ("- (void)purr;", ("Objective-C",)),
        ("#include <vector>\nint legs;", ("C++",)),
        ("#include <QString>\n", ("C++",)),
        ("namespace cats {\nint legs;\n}", ("C++",)),
        ("template <typename T> T purr(T);", ("C++",)),
        ("class Cat {\npublic:\n};", ("C++",)),
        ("class EXPORT Cat : public Animal {};", ("C++",)),
        ("class Cat;", ("C++",)),
        ("void purr(const Cat& cat);", ("C++",)),
        ("std::string name();", ("C++",)),
        ('extern "C" int legs(void);', ("C",)),
        ('#ifdef __cplusplus\nextern "C" {\n#endif\nint legs(void);\n', ("C",)),
        ("#if defined(__cplusplus)\nnamespace cats {}\n#else\nint legs;\n#endif\n", ANY_OF_C),
        ("/* class Cat; std::cat */ int legs; // namespace cats", ANY_OF_C),
        ('#define SIGNAL "debug::data"', ANY_OF_C),
        ("struct cat { int legs : 4; };", ANY_OF_C),
        ("enum { CLASS = 1 };\nint legs(int class_of_cat);", ANY_OF_C),
        ("int purr(int a, int &b);", ANY_OF_C),  # neither C nor a mark that is sure
    ],
)
def test_header_is_told_by_content_where_content_tells(languages, text, expected):
    assert languages.of("include/cat.h", text) == expected


def test_undecided_header_follows_the_sources_in_the_nearest_folder():
    neighbours = Neighbours()
    for path, language in [
        ("src/a.cc", "C++"),
        ("src/b.cc", "C++"),
        ("src/drm/a.c", "C"),
        ("src/drm/tools/x.py", "Python"),
        ("ui/View.m", "Objective-C"),
    ]:
        neighbours.add(path, language)
    assert neighbours.decide("src/a.h", ANY_OF_C) == "C++"
    assert neighbours.decide("src/drm/a.h", ANY_OF_C) == "C"
    assert neighbours.decide("src/drm/tools/a.h", ANY_OF_C) == "C"
    assert neighbours.decide("ui/View.h", ANY_OF_C) == "Objective-C"
    assert neighbours.decide("include/a.h", ANY_OF_C) == "C++"


def test_neighbours_of_a_path_made_to_be_deep_take_little_memory():
    neighbours = Neighbours()
    for number in range(2_000):
        neighbours.add("/".join(f"{number}{depth}" for depth in range(800)) + "/a.cc", "C++")
    assert neighbours.decide("00/01/" + "x/" * 900 + "a.h", ANY_OF_C) == "C++"


def test_undecided_header_without_any_source_around_is_c():
    assert Neighbours().decide("include/a.h", ANY_OF_C) == "C"


def test_header_says_nothing_about_its_neighbours(languages):
    assert languages.shared("src/a.h")
    assert not languages.shared("src/a.c")
    assert not languages.shared("configure")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#import <Foundation/Foundation.h>\nint main() {}", ("Objective-C",)),
        ("@implementation Cat\n@end", ("Objective-C",)),
        ("#include <stdio.h>\nint main() {}", ("Objective-C",)),
        ("function y = purr(x)\n% PURR of a cat\ny = x';\nend", ()),
        ("# import of Octave\nx = [1, 2];\nprintf('%d', x)", ()),
        ('(* Mathematica *)\nBeginPackage["Cat`"]', ()),
        (":- module cat.\n:- interface.\n", ()),
        ('Cat: module {\n  PATH: con "/dis/cat.dis";\n};', ()),
    ],
)
def test_m_is_objective_c_or_no_language_of_ours(languages, text, expected):
    assert languages.of("cat.m", text) == expected


def test_renderscript_is_no_rust(languages):
    assert languages.of("app/src/blur.rs", "#pragma version(1)\n#pragma rs java_package_name(x)\n") == ()
    assert languages.of("src/blur.rs", "fn main() {}") == ("Rust",)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#!/bin/sh", ("Shell",)),
        ("#! /usr/bin/env bash", ("Shell",)),
        ("#!/usr/bin/env -S FOO=1 python3.11 -u", ("Python",)),
        ("#!/usr/local/bin/luajit-2.1\r", ("Lua",)),
        ("#!/usr/bin/env node", ("JavaScript",)),
        ("#!/usr/bin/perl -w", ()),
        ("#!/usr/bin/env", ()),
        ("#!", ()),
        ("all: cats", ()),
    ],
)
def test_name_without_extension_is_told_by_its_interpreter(languages, line, expected):
    assert languages.of("bin/cats", line + "\nrest") == expected


def test_interpreters_are_of_languages_that_exist():
    assert set(INTERPRETERS) <= set(STUDY)


def test_name_with_an_unknown_extension_is_not_told_by_its_interpreter(languages):
    assert languages.of("bin/cats.pl", "#!/bin/sh") == ()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.py/c.RB", ("Ruby",)),
        ("Rakefile", ("Ruby",)),
        ("tasks/rakefile", ("Ruby",)),
        ("themes/cat.zsh-theme", ("Shell",)),
        ("cat.test.js", ("JavaScript",)),
        (".py", ("Python",)),
        ("cat.py.txt", ()),
        ("", ()),
    ],
)
def test_name_tells_the_language(languages, path, expected):
    assert languages.of(path, "") == expected


def test_language_that_is_not_in_the_study_is_not_told():
    assert Languages({"C": [".c", ".h"]}).of("cat.h", "class Cat;") == ()


def test_extension_of_one_language_needs_no_rule():
    assert Languages({"MATLAB": [".m"]}).of("cat.m", "x = 1") == ("MATLAB",)


def test_extension_of_two_languages_without_a_rule_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"sort\.languages: \.pl is claimed by Perl and Prolog"):
        Languages({"Perl": [".pl"], "Prolog": [".pl"]})
    with pytest.raises(ConfigError, match=r"\.m is claimed by MATLAB and Objective-C"):
        Languages({"MATLAB": [".m"], "Objective-C": [".m"]})


@pytest.mark.parametrize(
    "text",
    [
        "/*" * 250_000,
        "#ifdef __cplusplus\n" * 25_000,
        "class " + "a " * 250_000,
        "a" * 500_000,
        "-(" + "a " * 250_000,
        "#import <" + "a" * 500_000,
    ],
)
def test_hostile_header_does_not_hold_the_run_up(languages, text):
    assert languages.of("cat.h", text)
