"""Which language a source file is written in: by its name, and where languages share a name, by its content.

The rules, in this order, for the languages of a study (`{name: [extensions]}`, names as GitHub spells them):

1. The whole name (`Rakefile`), else the longest extension of the name (`.zsh-theme`), tells which languages claim it.
2. A name without any extension is claimed by the language of the interpreter that its `#!` line names.
3. `.h` is Objective-C where it uses `@interface` and the like, `#import` or Foundation's names; C++ where it uses
   classes, namespaces, templates, references or a header without `.h`, outside comments and `#ifdef __cplusplus`;
   else the repository decides: it is in the language that most of its `.c`, `.cc`, `.m` … files are in, C in doubt.
4. `.m` is Objective-C only where it has the marks of Objective-C or an `#include`; else it is MATLAB, Mathematica,
   Mercury, Limbo … and no language of ours. `.rs` with RenderScript's pragmas is no Rust.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from garner.errors import ConfigError

C_FAMILY = ("C", "C++", "Objective-C")  # the languages that `.h` may be in, and in doubt is in, in this order

INTERPRETERS = {
    "JavaScript": ("node", "nodejs"),
    "Lua": ("lua", "luajit", "texlua"),
    "Python": ("python", "pypy"),
    "Ruby": ("ruby", "jruby", "rake"),
    "Shell": ("sh", "ash", "bash", "bats", "dash", "ksh", "mksh", "rbash", "zsh"),
}
_LANGUAGE_OF_INTERPRETER = {name: language for language, names in INTERPRETERS.items() for name in names}
_SHEBANG = re.compile(r"#![ \t]*(\S+)[ \t]*([^\r\n]*)")

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_ONLY_FOR_CPP = re.compile(
    r"^[ \t]*#[ \t]*if(?:def[ \t]+|[ \t]+defined\b[ \t(]*)__cplusplus\b.*?^[ \t]*#[ \t]*(?:else|elif|endif)\b",
    re.DOTALL | re.MULTILINE,
)
_OBJECTIVE_C = re.compile(
    r"""^[ \t]*@(?:interface|implementation|protocol|property|class|end|import|synthesize|optional|required)\b
      | ^[ \t]*\#[ \t]*import[ \t]*[<"][^>"]+\.h[>"]
      | \bNS(?:String|Object|Array|Dictionary|Number|Data|Error|URL|U?Integer|Notification\w+|TimeInterval)\b
      | \bNS_(?:ENUM|OPTIONS|SWIFT_NAME|ASSUME_NONNULL_BEGIN)\b
      | \b(?:FOUNDATION|UIKIT|APPKIT)_EXTERN\b | \bFOUNDATION_EXPORT\b
      | ^[-+][ \t]*\([\w \t*<>]+\)[ \t]*\w+""",
    re.MULTILINE | re.VERBOSE,
)
_CPP = re.compile(
    r"""^[ \t]*(?:inline[ \t]+)?namespace\b
      | ^[ \t]*(?:export[ \t]+)?template[ \t]*<
      | ^[ \t]*using[ \t]+(?:namespace\b|\w+[ \t]*=|[\w:]+::)
      | ^[ \t]*(?:class|enum[ \t]+class|struct)[ \t]+(?:\w+[ \t]+)*\w+(?:[ \t]+final)?[ \t]*:[ \t]*\w
      | ^[ \t]*(?:friend[ \t]+)?class[ \t]+(?:\w+[ \t]+)*\w+[ \t]*(?:;|\{|$)
      | ^[ \t]*(?:public|private|protected)[ \t]*:
      | \b\w+::~?\w
      | ^[ \t]*\#[ \t]*include[ \t]*(?:<[\w/]+>|[<"][^>"]+\.(?:hh|hpp|hxx)[>"])
      | \b(?:static|dynamic|reinterpret|const)_cast[ \t]*<
      | \b(?:virtual[ \t]+[\w~]|constexpr[ \t]+\w|typename[ \t]+\w|noexcept\b|decltype[ \t]*\()
      | \boperator[ \t]*(?:[-+*/%=<>!&|^~]|\(\)|\[\])
      | \bconst[ \t]+\w+[ \t]*&[ \t]*\w+[ \t]*[,)]""",
    re.MULTILINE | re.VERBOSE,
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]', re.MULTILINE)
_RENDERSCRIPT = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+(?:version[ \t]*\(|rs\b)", re.MULTILINE)


def _header(text: str) -> tuple[str, ...]:
    code = _COMMENT.sub(" ", text)
    if _OBJECTIVE_C.search(code):
        return ("Objective-C",)
    return ("C++",) if _CPP.search(_ONLY_FOR_CPP.sub("\n#if", code)) else C_FAMILY


def _m(text: str) -> tuple[str, ...]:
    code = _COMMENT.sub(" ", text)
    return ("Objective-C",) if _OBJECTIVE_C.search(code) or _INCLUDE.search(code) else ()


def _rs(text: str) -> tuple[str, ...]:
    return () if _RENDERSCRIPT.search(text) else ("Rust",)


class _Rule(NamedTuple):
    """How the content of a file with a certain extension tells in which of `languages` it may be."""

    languages: tuple[str, ...]
    by_content: Callable[[str], tuple[str, ...]]


_RULES = {".h": _Rule(C_FAMILY, _header), ".m": _Rule(("Objective-C",), _m), ".rs": _Rule(("Rust",), _rs)}


def extensions(languages: Mapping[str, list[str]]) -> list[str]:
    """What a source file's name may end in (lower-case, with its dot) or be (no dot, as spelled), sorted."""
    return sorted(_claims(languages))


class Languages:
    """Tells the languages that a file may be in, for a study's map from language to extensions.

    Raises ConfigError where two languages claim an extension and no rule tells them apart.
    """

    def __init__(self, languages: Mapping[str, list[str]]):
        self._names = frozenset(languages)
        self._claims = _claims(languages)
        for extension, claimed_by in self._claims.items():
            known = _RULES[extension].languages if extension in _RULES else ()
            if len(claimed_by) > 1 and not claimed_by <= set(known):
                raise ConfigError(
                    f"sort.languages: {extension} is claimed by {' and '.join(sorted(claimed_by))}, and no rule tells "
                    "these apart by content. Leave it to one of them."
                )

    def of(self, path: str, text: str) -> tuple[str, ...]:
        """The languages that a file may be in: none of the study's, one, or several that its repository decides."""
        name = path.rpartition("/")[2]
        extension = self._extension(name)
        if extension is None:
            claimed_by = {_interpreted_language(text)} if "." not in name else set()
            return tuple(claimed_by & self._names)
        claimed_by = self._claims[extension]
        by_content = _RULES[extension].by_content(text) if extension in _RULES else sorted(claimed_by)
        return tuple(language for language in by_content if language in claimed_by)

    def _extension(self, name: str) -> str | None:
        if name in self._claims:
            return name
        dots = [place for place, character in enumerate(name) if character == "."]
        return next((end for dot in dots if (end := name[dot:].lower()) in self._claims), None)


def decide(candidates: tuple[str, ...], votes: Counter[str]) -> str:
    """The language of an undecided file: of its `candidates` the one with most `votes`, the first in doubt.

    `votes` counts the files of the same repository whose language is certain.
    """
    return max(candidates, key=lambda language: votes[language])


def _claims(languages: Mapping[str, list[str]]) -> dict[str, set[str]]:
    claims: dict[str, set[str]] = {}
    for language, listed in languages.items():
        for extension in listed:
            claims.setdefault(extension.lower() if "." in extension else extension, set()).add(language)
    return claims


def _interpreted_language(text: str) -> str | None:
    shebang = _SHEBANG.match(text)
    if not shebang:
        return None
    program, arguments = shebang[1].rpartition("/")[2], shebang[2].split()
    if program == "env":
        program = next((word for word in arguments if not word.startswith("-") and "=" not in word), "")
        program = program.rpartition("/")[2]
    return _LANGUAGE_OF_INTERPRETER.get(program.rstrip("0123456789.-"))
