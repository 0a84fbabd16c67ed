"""Questions in the shape in which the Stack Exchange API gives them, from recorded pages or from a table."""

import html
import json
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from garner.errors import InputError
from garner.files import read_parquet

LICENCE = "CC BY-SA 4.0"
FIRST = 1_262_304_000  # 2010-01-01, when the first question of a table was asked
STEP = 97  # seconds between two ids


def load(path: Path, host: str) -> list[dict]:
    """The questions of a folder of recorded pages (*.json), or of a Parquet with question_id, title, body and
    tags. Raises InputError for anything else."""
    if path.is_dir():
        questions = [item for page in sorted(path.glob("*.json")) for item in _recorded(page)]
    else:
        columns = ["question_id", "title", "body", "tags"]
        questions = [item(row, host) for row in read_parquet(path, columns)]
    if not questions:
        raise InputError(f"{path} holds no question. Expected recorded pages, or a Parquet of questions.")
    return list({each["question_id"]: each for each in questions}.values())


def _recorded(page: Path) -> list[dict]:
    try:
        body = json.loads(page.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{page} is no JSON ({error}).") from None
    return body.get("items", []) if isinstance(body, dict) else []


def items(rows: Iterable[dict], host: str) -> list[dict]:
    """`item` of each."""
    return [item(row, host) for row in rows]


def item(row: dict, host: str) -> dict:
    """A question of {"question_id", "title" (plain text), "body" (HTML), "tags"} as version 2.3 gives it.

    What the row does not say is made up from its id, such as when it was asked: in the order of ids, one in
    twenty within the same second as the one before.
    """
    number = row["question_id"]
    chance = zlib.crc32(b"%d" % number)
    created = row.get("creation_date", FIRST + STEP * (number - (chance % 20 == 0)))
    slug = re.sub("[^a-z0-9]+", "-", row["title"].lower()).strip("-")[:80]
    user = chance % 9999 + 1
    return {
        "tags": list(row["tags"]),
        "owner": {
            "reputation": chance % 5000 + 1,
            "user_id": user,
            "user_type": "registered",
            "profile_image": "",
            "display_name": f"user{user}",
            "link": f"https://{host}/users/{user}/user{user}",
        },
        "is_answered": chance % 3 > 0,
        "view_count": chance % 1000,
        "answer_count": chance % 4,
        "score": chance % 40 - 3,
        "last_activity_date": created + chance % 10_000_000,
        "creation_date": created,
        "question_id": number,
        "content_license": LICENCE,
        "link": f"https://{host}/questions/{number}/{slug}",
        "title": html.escape(row["title"]).replace("&#x27;", "&#39;"),
        "body": row["body"],
    }
