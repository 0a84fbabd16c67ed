"""Which licence a text is, by phrases that no other has: a small stand-in for GitHub's `licensee`."""

import re
from typing import NamedTuple


class Licence(NamedTuple):
    key: str
    name: str
    spdx_id: str


FILE_NAME = re.compile(r"((.+[-_])?(un)?licen[sc]e|copying)([-.].*)?", re.IGNORECASE)
OTHER = Licence("other", "Other", "NOASSERTION")  # what GitHub answers for a text it does not know

# The first whose phrases all stand in the text is taken. A licence that another one quotes stands behind it.
PHRASES = (
    (
        Licence("agpl-3.0", "GNU Affero General Public License v3.0", "AGPL-3.0"),
        ["gnu affero general public license version 3"],
    ),
    (
        Licence("lgpl-3.0", "GNU Lesser General Public License v3.0", "LGPL-3.0"),
        ["gnu lesser general public license version 3"],
    ),
    (
        Licence("lgpl-2.1", "GNU Lesser General Public License v2.1", "LGPL-2.1"),
        ["gnu lesser general public license version 2.1"],
    ),
    (
        Licence("gpl-3.0", "GNU General Public License v3.0", "GPL-3.0"),
        ["gnu general public license version 3"],
    ),
    (
        Licence("gpl-2.0", "GNU General Public License v2.0", "GPL-2.0"),
        ["gnu general public license version 2"],
    ),
    (
        Licence("apache-2.0", "Apache License 2.0", "Apache-2.0"),
        ["apache license", "version 2.0, january 2004"],
    ),
    (Licence("mpl-2.0", "Mozilla Public License 2.0", "MPL-2.0"), ["mozilla public license", "2.0"]),
    (Licence("epl-2.0", "Eclipse Public License 2.0", "EPL-2.0"), ["eclipse public license - v 2.0"]),
    (Licence("epl-1.0", "Eclipse Public License 1.0", "EPL-1.0"), ["eclipse public license - v 1.0"]),
    (Licence("bsl-1.0", "Boost Software License 1.0", "BSL-1.0"), ["boost software license - version 1.0"]),
    (
        Licence("bsd-3-clause", 'BSD 3-Clause "New" or "Revised" License', "BSD-3-Clause"),
        ["redistribution and use in source and binary forms", "endorse or promote products"],
    ),
    (
        Licence("bsd-2-clause", 'BSD 2-Clause "Simplified" License', "BSD-2-Clause"),
        ["redistribution and use in source and binary forms"],
    ),
    (
        Licence("unlicense", "The Unlicense", "Unlicense"),
        ["free and unencumbered software released into the public domain"],
    ),
    (Licence("cc0-1.0", "Creative Commons Zero v1.0 Universal", "CC0-1.0"), ["cc0 1.0 universal"]),
    (
        Licence("isc", "ISC License", "ISC"),
        ["permission to use, copy, modify, and/or distribute this software for any purpose"],
    ),
    (
        Licence("isc", "ISC License", "ISC"),
        ["permission to use, copy, modify, and distribute this software for any purpose"],
    ),
    (
        Licence("mit", "MIT License", "MIT"),
        ["permission is hereby granted, free of charge, to any person obtaining a copy of this software"],
    ),
)


def recognise(text: str) -> Licence:
    words = re.sub(r"[\s*#/]+", " ", text.lower())
    for licence, phrases in PHRASES:
        if all(phrase in words for phrase in phrases):
            return licence
    return OTHER
