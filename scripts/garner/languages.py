"""Which language a source file is in: by its name, and where languages share a name, by its content.

The rules, in this order, for the languages of a study (`{name: [extensions]}`, names as GitHub spells them):

1. The whole name (`rakefile`), else its longest extension (`.zsh-theme`), tells which languages claim it.
2. A name without extension is claimed by the language whose interpreter its `#!` line names.
3. `.h` is Objective-C where it uses `@interface` and the like, `#import` or Foundation's names; C++ where it
   uses classes, namespaces, templates, references or headers without `.h` (comments and `#ifdef __cplusplus`
   apart); C where it has `extern "C"` and none of these. Else its neighbours decide: it is in the language of
   most `.c`, `.cc`, `.m` … files in the nearest folder around it that has any; C if there is none.
4. `.m` is Objective-C where it has the marks of it or an `#include`; else it is MATLAB, Mathematica, Mercury,
   Limbo …, and no language of ours. `.rs` with the pragmas of RenderScript is no Rust.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from garner.errors import ConfigError

C_FAMILY = ("C", "C++", "Objective-C")  # the languages that `.h` may be in, and in doubt is in, in this order
DEEPEST = 20  # folders, to which neighbours are counted

INTERPRETERS = {
    "JavaScript": ("node", "nodejs"),
    "Lua": ("lua", "luajit", "texlua"),
    "Python": ("python", "pypy"),
    "Ruby": ("ruby", "jruby", "rake"),
    "Shell": ("sh", "ash", "bash", "bats", "dash", "ksh", "mksh", "rbash", "zsh"),
}
_LANGUAGE_OF_INTERPRETER = {name: language for language, names in INTERPRETERS.items() for name in names}
_SHEBANG = re.compile(r"#![ \t]*(\S+)[ \t]*([^\r\n]*)")

_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_IF_CPP = re.compile(r"[ \t]*#[ \t]*if(?:def[ \t]+|[ \t]+defined\b[ \t(]*)__cplusplus\b")
_END_IF_CPP = re.compile(r"[ \t]*#[ \t]*(?:else|elif|endif)\b")
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
      | ^[^"\n]*\w::~?\w
      | ^[ \t]*\#[ \t]*include[ \t]*(?:<[\w/]+>|[<"][^>"]+\.(?:hh|hpp|hxx)[>"])
      | \b(?:static|dynamic|reinterpret|const)_cast[ \t]*<
      | \b(?:virtual[ \t]+[\w~]|constexpr[ \t]+\w|typename[ \t]+\w|noexcept\b|decltype[ \t]*\()
      | \boperator[ \t]*(?:[-+*/%=<>!&|^~]|\(\)|\[\])
      | \bconst[ \t]+\w+[ \t]*&[ \t]*\w+[ \t]*[,)]""",
    re.MULTILINE | re.VERBOSE,
)
_EXTERN_C = re.compile(r'\bextern[ \t]+"C"')
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]', re.MULTILINE)
_RENDERSCRIPT = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+(?:version[ \t]*\(|rs\b)", re.MULTILINE)


def _header(text: str) -> tuple[str, ...]:
    code = _COMMENT.sub(" ", text)
    if _OBJECTIVE_C.search(code):
        return ("Objective-C",)
    if _CPP.search(_seen_by_c(code)):
        return ("C++",)
    return ("C",) if _EXTERN_C.search(code) else C_FAMILY


def _seen_by_c(code: str) -> str:
    """Without what stands under `#ifdef __cplusplus`: a C header that C++ may include is C."""
    lines, hidden = [], False
    for line in code.split("\n"):
        if hidden or _IF_CPP.match(line):
            hidden = not _END_IF_CPP.match(line)
        else:
            lines.append(line)
    return "\n".join(lines)


def _m(text: str) -> tuple[str, ...]:
    code = _COMMENT.sub(" ", text)
    return ("Objective-C",) if _OBJECTIVE_C.search(code) or _INCLUDE.search(code) else ()


def _rs(text: str) -> tuple[str, ...]:
    return () if _RENDERSCRIPT.search(text) else ("Rust",)


class _Rule(NamedTuple):
    """How the content of a file tells in which of `languages` it may be."""

    languages: tuple[str, ...]
    by_content: Callable[[str], tuple[str, ...]]


_RULES = {".h": _Rule(C_FAMILY, _header), ".m": _Rule(("Objective-C",), _m), ".rs": _Rule(("Rust",), _rs)}
_NO_RULE = _Rule((), lambda text: ())


class Languages:
    """Tells the languages that a file may be in, for a study's map from language to extensions.

    Raises ConfigError where two languages claim an extension and no rule tells them apart.
    """

    def __init__(self, languages: Mapping[str, list[str]]):
        self._names = frozenset(languages)
        self._claims = _claims(languages)
        for extension, claimed_by in self._claims.items():
            if len(claimed_by) > 1 and not claimed_by <= set(_RULES.get(extension, _NO_RULE).languages):
                raise ConfigError(
                    f"sort.languages: {extension} is claimed by {' and '.join(sorted(claimed_by))}, and no "
                    "rule tells these apart by content. Leave it to one of them."
                )

    def of(self, path: str, text: str) -> tuple[str, ...]:
        """The languages that a file may be in: none of the study's, one, or several (see Neighbours)."""
        extension = self._extension(path)
        if extension is None:
            interpreted = None if "." in _name(path) else _interpreted_language(text)
            return (interpreted,) if interpreted in self._names else ()
        claimed_by, rule = self._claims[extension], _RULES.get(extension, _NO_RULE)
        if not claimed_by <= set(rule.languages):
            return tuple(claimed_by)
        return tuple(language for language in rule.by_content(text) if language in claimed_by)

    def shared(self, path: str) -> bool:
        """Whether several languages claim such a name, so that the file tells little about its neighbours."""
        return len(self._claims.get(self._extension(path), ())) > 1

    def _extension(self, path: str) -> str | None:
        name = _name(path)
        places = [0, *(place for place, character in enumerate(name) if character == ".")]
        return next((end for place in places if (end := name[place:]) in self._claims), None)


class Neighbours:
    """Decides the undecided files of one repository by the certain ones around them."""

    def __init__(self) -> None:
        self._languages: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, path: str, language: str) -> None:
        """Count a file whose language is certain, for every folder that it lies in."""
        for folder in _folders(path):
            self._languages[folder][language] += 1

    def decide(self, path: str, candidates: tuple[str, ...]) -> str:
        """The most frequent of `candidates` in the nearest folder with any of them; the first in doubt."""
        for folder in _folders(path):
            counts = {language: self._languages[folder][language] for language in candidates}
            if any(counts.values()):
                return max(candidates, key=counts.__getitem__)
        return candidates[0]


def _folders(path: str) -> list[str]:
    """The folders around a file, the nearest first; the deepest of a path made to be deep are passed over."""
    folders = path.split("/")[:-1][:DEEPEST]
    return ["/".join(folders[:depth]) for depth in range(len(folders), -1, -1)]


def _claims(languages: Mapping[str, list[str]]) -> dict[str, set[str]]:
    claims: dict[str, set[str]] = {}
    for language, listed in languages.items():
        for extension in listed:
            claims.setdefault(extension.lower(), set()).add(language)
    return claims


def _name(path: str) -> str:
    return path.rpartition("/")[2].lower()


def _interpreted_language(text: str) -> str | None:
    shebang = _SHEBANG.match(text)
    if not shebang:
        return None
    program, arguments = shebang[1].rpartition("/")[2], shebang[2].split()
    if program == "env":
        program = next((word for word in arguments if not word.startswith("-") and "=" not in word), "")
        program = program.rpartition("/")[2]
    return _LANGUAGE_OF_INTERPRETER.get(program.rstrip("0123456789.-"))
