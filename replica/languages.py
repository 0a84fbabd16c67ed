"""What language a file is in, by its name: a small stand-in for GitHub's `linguist`.

Like linguist's statistics it counts the bytes of programming and markup languages and leaves out prose, data,
vendored and documentation folders. Unlike it, it reads no contents: `.h` and `.m` are decided by what else
the repository holds. https://github.com/github-linguist/linguist/blob/main/docs/how-linguist-works.md
"""

import re
from collections import Counter
from collections.abc import Iterable

EXTENSIONS = {
    "Assembly": ".asm .s",
    "Batchfile": ".bat .cmd",
    "C": ".c",
    "C#": ".cs .csx",
    "C++": ".cpp .cc .cxx .c++ .hpp .hh .hxx .h++ .ipp .tpp",
    "CMake": ".cmake",
    "CSS": ".css",
    "Clojure": ".clj .cljs .cljc",
    "CoffeeScript": ".coffee",
    "Cuda": ".cu .cuh",
    "Cython": ".pyx .pxd .pxi",
    "Dart": ".dart",
    "Elixir": ".ex .exs",
    "Emacs Lisp": ".el",
    "Erlang": ".erl .hrl",
    "F#": ".fs .fsx",
    "Fortran": ".f .f90 .f95 .for",
    "Go": ".go",
    "Groovy": ".groovy .gradle",
    "HTML": ".html .htm .xhtml",
    "Haskell": ".hs",
    "Java": ".java",
    "JavaScript": ".js .cjs .mjs .jsx",
    "Julia": ".jl",
    "Jupyter Notebook": ".ipynb",
    "Kotlin": ".kt .kts",
    "Less": ".less",
    "Lua": ".lua",
    "M4": ".m4",
    "MATLAB": ".matlab",
    "OCaml": ".ml .mli",
    "Objective-C++": ".mm",
    "PHP": ".php",
    "Perl": ".pl .pm .t",
    "PowerShell": ".ps1 .psm1",
    "Python": ".py .pyw .pyi",
    "R": ".r",
    "Roff": ".1 .3 .8",
    "Ruby": ".rb .rake .gemspec .ru",
    "Rust": ".rs",
    "SCSS": ".scss",
    "SWIG": ".i",
    "Scala": ".scala",
    "Shell": ".sh .bash .bats .zsh .ksh",
    "Smarty": ".tpl",
    "Swift": ".swift",
    "Tcl": ".tcl",
    "TeX": ".tex .sty .cls",
    "TypeScript": ".ts .tsx .mts .cts",
    "Vim Script": ".vim",
    "Visual Basic .NET": ".vb",
    "Vue": ".vue",
    "XSLT": ".xsl .xslt",
    "Yacc": ".y .yy",
}
NAMES = {
    "Dockerfile": "Dockerfile",
    "Gemfile": "Ruby",
    "Makefile": "Makefile",
    "Makefile.am": "Makefile",
    "GNUmakefile": "Makefile",
    "Rakefile": "Ruby",
    "CMakeLists.txt": "CMake",
    "configure.ac": "M4",
}
BY_EXTENSION = {extension: name for name, listed in EXTENSIONS.items() for extension in listed.split()}
LEFT_OUT = re.compile(
    r"(^|/)(vendor|vendored|third[_-]?party|node_modules|bower_components|deps|dist|docs?|Documentation|examples?|samples?)/"
    r"|\.min\.(js|css)$|(^|/)(jquery[-.\d]*|bootstrap[-.\d]*)\.(js|css)$",
)


def language_statistics(files: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Bytes for each language, most first, of (path, bytes) pairs."""
    totals: Counter[str] = Counter()
    for path, size in files:
        if LEFT_OUT.search(path):
            continue
        name = path.rpartition("/")[2]
        extension = "." + name.rpartition(".")[2].lower() if "." in name else ""
        language = NAMES.get(name) or BY_EXTENSION.get(extension) or (extension in (".h", ".m") and extension)
        if language:
            totals[language] += size
    settle_shared_extensions(totals)
    return dict(
        sorted(((name, size) for name, size in totals.items() if size), key=lambda row: (-row[1], row[0]))
    )


def settle_shared_extensions(totals: Counter[str]) -> None:
    """`.m` is Objective-C beside headers and MATLAB without; then `.h` goes to the largest of its family."""
    matlab_or_objective_c = totals.pop(".m", 0)
    totals["Objective-C" if ".h" in totals else "MATLAB"] += matlab_or_objective_c
    headers = totals.pop(".h", 0)
    family = {name: totals[name] for name in ("C", "C++", "Objective-C")}
    totals[max(family, key=lambda name: family[name])] += headers
