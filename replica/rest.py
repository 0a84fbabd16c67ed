"""The REST answers of GitHub: https://docs.github.com/rest

Pages of up to 100 items, joined by the `Link` header, whose addresses go by number as GitHub's do
(`/user/583231/following?page=2`): https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from replica.hub import Hub, User
from replica.repositories import Repository
from replica.shapes import Shapes

DOCUMENTATION = "https://docs.github.com/rest"
MAXIMUM_PAGE = 100
DEFAULT_PAGE = 30
ROUTE = re.compile(
    r"/(?:users/(?P<login>[^/]+)|user/(?P<user_number>[0-9]{1,10})|repos/(?P<owner>[^/]+)/(?P<name>[^/]+)|"
    r"repositories/(?P<repository_number>[0-9]{1,10}))(?:/(?P<part>\w+))?"
)
SORTS = {
    "full_name": lambda each: each.full_name.lower(),
    "created": lambda each: (each.pushed_at, each.full_name.lower()),
    "updated": lambda each: (each.pushed_at, each.full_name.lower()),
    "pushed": lambda each: (each.pushed_at, each.full_name.lower()),
}

Parameters = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """A status, a body to be written as JSON, and headers besides those that every answer has."""

    status: int
    body: object
    headers: dict[str, str] = field(default_factory=dict)


def failure(status: int, message: str, page: str = "") -> Answer:
    """GitHub's body of an error."""
    return Answer(
        status, {"message": message, "documentation_url": DOCUMENTATION + page, "status": str(status)}
    )


class Rest:
    def __init__(self, hub: Hub, shapes: Shapes):
        self.hub = hub
        self.shapes = shapes
        self.shifted = 0  # items that stand unseen in front of every listing

    def answer(self, path: str, parameters: Parameters) -> Answer:
        """The answer to `GET path`, quota aside."""
        route = ROUTE.fullmatch(path)
        if route is None:
            return failure(404, "Not Found")
        found = route.groupdict()
        if found["login"] or found["user_number"]:
            user = self.find_user(found["login"], found["user_number"])
            return self.of_user(user, found["part"], parameters)
        return self.of_repository(self.find_repository(found), found["part"])

    def find_user(self, login: str | None, number: str | None) -> User | None:
        return self.hub.user(login) if login else self.hub.numbered_user(int(number))

    def find_repository(self, found: dict[str, str]) -> Repository | None:
        if found["owner"]:
            return self.hub.repository(found["owner"], found["name"])
        return self.hub.numbered_repository(int(found["repository_number"]))

    def of_user(self, user: User | None, part: str | None, parameters: Parameters) -> Answer:
        if part is None:
            page = "/users/users#get-a-user"
            return Answer(200, self.shapes.public_user(user)) if user else failure(404, "Not Found", page)
        if part in ("following", "followers"):
            page = "/users/followers"
            listed = [self.hub.user(login) for login in getattr(user, part, ())]
            shape = self.shapes.simple_user
        elif part == "repos":
            page = "/repos/repos#list-repositories-for-a-user"
            listed = sort_repositories(user.repositories, dict(parameters)) if user else []
            shape = self.shapes.minimal_repository
        else:
            return failure(404, "Not Found")
        if user is None:
            return failure(404, "Not Found", page)
        address = f"{self.shapes.url}/user/{self.hub.user_number(user.login)}/{part}"
        items, headers = paginate(listed, address, parameters, self.shifted)
        return Answer(200, [shape(each) for each in items], headers)

    def of_repository(self, repository: Repository | None, part: str | None) -> Answer:
        if repository is None or part not in (None, "languages"):
            return failure(404, "Not Found", "/repos/repos#get-a-repository")
        if part == "languages":
            return Answer(200, repository.languages)
        return Answer(200, self.shapes.full_repository(repository))


def sort_repositories(repositories: Sequence[Repository], parameters: dict[str, str]) -> list[Repository]:
    """By `type`, `sort` and `direction`; nobody is a member of another's repository here."""
    if parameters.get("type") == "member":
        return []
    sort = parameters.get("sort", "full_name")
    direction = parameters.get("direction", "asc" if sort == "full_name" else "desc")
    return sorted(repositories, key=SORTS.get(sort, SORTS["full_name"]), reverse=direction == "desc")


def paginate(
    items: Sequence, address: str, parameters: Parameters, shifted: int = 0
) -> tuple[Sequence, dict[str, str]]:
    """The items of the page asked for, and the `Link` header where there is more than one page.

    Each page holds what stands `shifted` places further in front.
    """
    asked = dict(parameters)
    size = min(positive(asked.get("per_page"), DEFAULT_PAGE), MAXIMUM_PAGE)
    page = positive(asked.get("page"), 1)
    last = max(1, -(-(len(items) + shifted) // size))
    kept = [(name, value) for name, value in parameters if name != "page"]
    relations: dict[str, int] = {}
    if page > 1:
        relations["prev"] = min(page - 1, last)
    if page < last:
        relations |= {"next": page + 1, "last": last}
    if page > 1:
        relations["first"] = 1
    links = (
        f'<{address}?{urlencode([*kept, ("page", target)])}>; rel="{name}"'
        for name, target in relations.items()
    )
    headers = {"Link": ", ".join(links)} if relations else {}
    begin, end = ((each - 1) * size - shifted for each in (page, page + 1))
    return items[max(begin, 0) : max(end, 0)], headers


def positive(text: str | None, otherwise: int) -> int:
    """A whole number above 0; GitHub overlooks anything else."""
    return int(text) if text and re.fullmatch(r"0*[1-9][0-9]{0,8}", text) else otherwise
