"""Which files teach a language, and why the others do not: one reason a dropped file.

GitHub leaves vendored, generated and minified files out of its language statistics; these are rules of
our own to the same end, tried on 60,000 files of 169 public repositories. Standard library only, since
the shipped classifier reads its input by `decode`.
"""

import codecs
import re

HEAD = 4_000  # characters from the beginning of a file in which a generator names itself
TAIL = 200  # characters at the end in which a source map is named
MEAN_LINE = 150  # characters a line, above which a file with little white space is minified
MINIFIED_SPACE = 0.05  # white space's share of the characters in minified code, at most
LONG_LINE = 1_000  # characters; a file that stands mostly in longer lines is minified
CONTROL_SHARE = 0.05  # of all bytes, above which a file is no text
LEGACY_SHARE = 0.05  # of all bytes that may be non-ASCII for a file to be taken as windows-1252
DATA_SHARE = 0.5  # of the characters in words and numbers, above which a file is data …
DATA_LEAST = 1_000  # … if it has as many characters of data
DIGIT_SHARE = 0.08  # of the characters, below which a file cannot be data (base64 has 16 %)

_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f"))  # form feeds part old sources
_NOT_ASCII = bytes(range(128, 256))

_VENDORED_FOLDERS = re.compile(
    r"""(?:^|/)[_.]?(?: 3rd_?party | third_?party | vendor(?:s|ed)? | extern(?:als?)? | deps | submodules
      | subprojects | node_modules | bower_components | jspm_packages | dist | (?:site|dist)_packages | venv
      | godeps | pods | carthage )/""",
    re.VERBOSE,
)
_VENDORED_NAMES = re.compile(
    r"""(?:^|/)(?:
        config\.(?:guess|sub) | install-sh | ltmain\.sh | missing | depcomp | compile | test-driver | ylwrap
      | mkinstalldirs | gradlew | mvnw  # copied in by autotools, Gradle and Maven
      | [\w.-]+-\d+\.\d[\w.]*\.js       # a release of a library
    )$""",
    re.VERBOSE,
)
_MINIFIED_NAMES = re.compile(r"\.min\.[cm]?js$")
_GENERATED_NAMES = re.compile(
    r"""(?: _pb2(?:_grpc)?\.pyi? | \.pb(?:\.gw)?\.go | \.pb\.(?:cc|h|rs) | \.pbobjc\.[hm] | _pb\.(?:rb|js|lua)
      | \.(?:designer|g|g\.i|generated|feature)\.cs
      | (?:^|/)(?: moc_[^/]+\.(?:cpp|cc|cxx) | qrc_[^/]+\.cpp | lex\.yy\.\w+ | [^/]+\.tab\.[ch]\w*
                 | zz_generated[^/]*\.go | bindata\.go | R\.java | BuildConfig\.java )
    )$""",
    re.VERBOSE | re.IGNORECASE,
)
_LEADING_COMMENTS = re.compile(
    r"""(?: \s+ | \#(?!!?\[)[^\n]* | //[^\n]* | ;[^\n]* | /\*.*?(?:\*/|\Z)
      | --\[\[.*?(?:\]\]|\Z) | --[^\n]* | ^=begin\b.*?(?:^=end\b|\Z)
      | \"\"\".*?(?:\"\"\"|\Z) | \'\'\'.*?(?:\'\'\'|\Z)
      | (?:package|namespace|module)[ \t]+[\w.]+;? | ['"]use\ strict['"];? )+""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_HINT = re.compile(r"generat|do not |gnu bison|gperf|reading|will be lost", re.IGNORECASE)
_MARKS = re.compile(
    r"""(?:^\W*|[.!:;-]\ )this\ (?:[\w-]+\ ){0,2}(?:file|code|class|header|module|script|parser|source)
          \ (?:is|was|has\ been)\ (?:\w+[-\ ]?)??generated\b
      | (?:^\W*|\.\ )(?-i:Code\ |CODE\ )generated\b
      | (?:^\W*|\.\ )(?:auto(?:matically)?|machine)[-\ ]?generated\ (?:by|from|using|via|with)\b
      | (?:^\W*|\.\ )(?-i:G)enerated\ (?:automatically\ )?(?:by|from|using|via|code|file)\b
      | (?:^|[\s*])@generated\b | <auto-?generated
      | \bdo\ not\ (?:edit|modify|change)\b.*\bgenerat | \bgenerat.*\bdo\ not\ (?:edit|modify|change)\b
      | \bmade\ by\ GNU\ Bison\b | \bscanner\ generated\ by\ flex\b | \bproduced\ by\ gperf\b
      | \b(?:object\ code|generated)\ from\ reading\b
      | \bchanges\ made\ (?:in|to)\ this\ file\ will\ be\ lost\b""",
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
_CODE_MARKS = re.compile(
    r"""^[ \t]*@(?:[\w.]+\.)?Generated\b
      | ^[ \t]*\[(?:\w+:[ ]*)?(?:[\w.]+\.)?GeneratedCode(?:Attribute)?\(
      | ^\#[ \t]*line[ \t]+\d+[ \t]+"[^"\n]+\.(?:l|y|yy|ypp|rl|re|lex)"
      | \bwebpackBootstrap\b""",
    re.VERBOSE | re.MULTILINE,
)
_DATA = re.compile(
    r"""(?<![\w.])(?: 0[xX][0-9a-fA-F]+ | \d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)? )[uUlLfFdDmM]{0,3}(?!\w)
      | \\(?: x[0-9a-fA-F]{2} | u\{?[0-9a-fA-F]{2,6} | \d{3} )
      | (?<![A-Za-z0-9+/])(?=[A-Za-z+/]*\d)[A-Za-z0-9+/]{60,}""",
    re.VERBOSE,
)


def decode(data: bytes) -> tuple[str | None, str | None]:
    """(text, None), or (None, reason) where the reason is "binary" or "undecodable".

    UTF-16 where its byte order mark says so. Else binary with any NUL or more than 5 % control
    characters. Else UTF-8, whose byte order mark is taken off. Else windows-1252, the usual legacy
    encoding, if at most 5 % of the bytes are not ASCII: an accented name in a comment stays, a page of
    Shift-JIS does not.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(data, "utf-16")
    if b"\0" in data or _share(data, _CONTROL) > CONTROL_SHARE:
        return None, "binary"
    text, reason = _decoded(data, "utf-8-sig")
    if text is None and _share(data, _NOT_ASCII) <= LEGACY_SHARE:
        text, reason = _decoded(data, "cp1252")
    return text, reason


def drop_by_path(path: str) -> str | None:
    """Return "vendored", "minified" or "generated" where the path alone tells it."""
    if _VENDORED_FOLDERS.search(path.lower().replace("-", "_")) or _VENDORED_NAMES.search(path):
        return "vendored"
    if _MINIFIED_NAMES.search(path):
        return "minified"
    return "generated" if _GENERATED_NAMES.search(path) else None


def drop_by_size(data: bytes, minimum_bytes: int, maximum_bytes: int) -> str | None:
    """Return "huge" or "tiny" (white space around the text does not count), where it is so."""
    if len(data) > maximum_bytes:
        return "huge"
    return "tiny" if len(data.strip()) < minimum_bytes else None


def drop_by_text(text: str) -> str | None:
    """Return "generated", "minified" or "data" where the text tells it."""
    for reason, applies in (("generated", is_generated), ("minified", is_minified), ("data", is_data)):
        if applies(text):
            return reason
    return None


def is_generated(text: str) -> bool:
    """Tell whether the comments above the code name a generator, or the code has marks of one.

    Later text does not count, since a generator's own source says the same in its strings.
    """
    head = text[:HEAD]
    comments = _LEADING_COMMENTS.match(head)
    if comments and _HINT.search(comments[0]) and _MARKS.search(comments[0]):
        return True
    return bool(_CODE_MARKS.search(head)) or "sourceMappingURL=" in text[-TAIL:]


def is_minified(text: str) -> bool:
    """Tell whether most text is in very long lines, or lines are long on average and have no white space."""
    lengths = [len(line) for line in text.split("\n") if line]
    total = sum(lengths)
    if 2 * sum(length for length in lengths if length > LONG_LINE) > total:
        return True
    return total > MEAN_LINE * len(lengths) and total - len("".join(text.split())) < MINIFIED_SPACE * total


def is_data(text: str) -> bool:
    """Tell whether most of the text is numbers, escapes or base64: an array, a key, a font."""
    if sum(map(text.count, "0123456789")) < DIGIT_SHARE * len(text):
        return False
    data = sum(len(found[0]) for found in _DATA.finditer(text))
    return data >= DATA_LEAST and data > DATA_SHARE * sum(map(len, re.findall(r"\w+", text)))


def _decoded(data: bytes, encoding: str) -> tuple[str | None, str | None]:
    try:
        return data.decode(encoding), None
    except UnicodeDecodeError:
        return None, "undecodable"


def _share(data: bytes, characters: bytes) -> float:
    return (len(data) - len(data.translate(None, characters))) / max(len(data), 1)
