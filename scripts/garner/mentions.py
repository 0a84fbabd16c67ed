"""Where a text names an account: what stands for the name, and what a model reads in its place.

Standard library alone, since the classifier imports it.
"""

import re

# Wider than the site's own rule, since a name too many costs nothing: any @, also a full-width one or one
# with invisible characters behind it, and the address of a profile.
MENTION = re.compile(
    r"((?:[@\uff20][\u200b-\u200f\u2060-\u2064\ufeff]*)|(?:instagram\.com/(?:_u/)?))"
    r"([A-Za-z0-9_](?:[A-Za-z0-9._]*[A-Za-z0-9_])?)",
    re.IGNORECASE,
)


def without_names(text: str) -> str:
    """`text` with one word in the place of each name or pseudonym, which tell a model nothing of a user."""
    return MENTION.sub(r"\1user", text)
