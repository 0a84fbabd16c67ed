"""GitHub's REST API: one request for each page of one user, and for each repository's languages.

What was asked for before is asked for with its ETag, so that it costs nothing where nothing has changed. As
pages go by number, something that leaves one draws an item of the next one onto it; so each page but the last
is asked for again, by its ETag, once the next one is known.
https://docs.github.com/rest/users/followers and https://docs.github.com/rest/repos/repos
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from urllib.parse import quote

from garner.errors import ForbiddenError, GoneError, MalformedError
from garner.http.client import Answer, Client
from garner.sources.github_detour import answered
from garner.sources.github_records import Page, owned_by, repository_record, rest_cursor, rest_number

PAGE = 100  # items, the most that a page can have


class Rest:
    """Asks for pages under the address `url` and reads the answers as records."""

    name = "rest"
    resource = "core"

    def __init__(self, client: Client, url: str):
        self._client = client
        self._url = url

    def fetch(self, pages: Iterable[Page]) -> list[dict]:
        """The record for the first of `pages`; that of its failure where the API works, but not for it.

        Raises what `Client.request` raises, but for what is gone or forbidden, which is a record too.
        """
        page = next(iter(pages))
        ask = {
            "account": self._account,
            "following": self._following,
            "repositories": self._repositories,
            "languages": self._languages,
            "listed": self._listed,
        }[page.kind]
        try:
            return answered(lambda attempts: [ask(page, attempts)], self._check_health, page)
        except (GoneError, ForbiddenError) as error:
            return [{page.subject: page.of, "status": error.reason}]

    def _check_health(self) -> None:
        with suppress(GoneError):  # as an Enterprise server without limits says
            self._client.request("GET", f"{self._url}/rate_limit", resource=self.resource, expect=dict)

    def _account(self, page: Page, attempts: int) -> dict:
        return self._get(f"users/{quote(page.of)}", dict, partial(_account, page.of), page, attempts)

    def _listed(self, page: Page, attempts: int) -> dict:
        def read(body: dict) -> dict:
            return {"listed": page.of, "found": _repository_record(body)}

        return self._get(f"repos/{quote(page.of)}", dict, read, page, attempts)

    def _following(self, page: Page, attempts: int) -> dict:
        def read(body: list) -> dict:
            return {"user": page.of, "following": [user["login"] for user in body if user["type"] == "User"]}

        return self._get_page(f"users/{quote(page.of)}/following", list, read, page, attempts)

    def _repositories(self, page: Page, attempts: int) -> dict:
        def read(body: list) -> dict:
            return {"user": page.of, "repositories": owned_by(page.of, [*map(_repository_record, body)])}

        path = f"users/{quote(page.of)}/repos"
        parameters = {"type": "owner", "sort": "full_name"}
        return self._get_page(path, list, read, page, attempts, parameters)

    def _languages(self, page: Page, attempts: int) -> dict:
        def read(body: dict) -> dict:
            return {"repository": page.of, "languages": {name: int(size) for name, size in body.items()}}

        return self._get_page(f"repos/{quote(page.of)}/languages", dict, read, page, attempts)

    def _get_page(
        self,
        path: str,
        expect: type,
        read: Callable,
        page: Page,
        attempts: int,
        parameters: dict | None = None,
    ) -> dict:
        """A page of a list, or the languages, which have but one page."""
        count = 0

        def counted(body: list | dict) -> dict:
            nonlocal count
            count = len(body)
            return read(body)

        paging = {"per_page": PAGE, "page": rest_number(page.after)} if expect is list else {}
        parameters = {**(parameters or {}), **paging}
        answer, record = self._ask(path, expect, counted, page, attempts, parameters)
        if answer.not_modified:
            record = {page.subject: page.of, "unchanged": page.kind}
        # By number, not by the address in the answer: the token goes to no address but that of the settings.
        following = rest_cursor(rest_number(page.after) + 1) if answer.has_next else None
        record |= {"after": page.after, "next": following} | ({"reread": True} if page.reread else {})
        # A full last page may get a successor and stay what it is, and one that is not full hardly has one:
        # what is said here of the next page must not be believed again.
        is_odd = expect is list and not answer.not_modified and (count == PAGE) != answer.has_next
        return record | ({"etag": answer.etag} if answer.etag and not is_odd else {})

    def _get(self, path: str, expect: type, read: Callable, page: Page, attempts: int) -> dict:
        return self._ask(path, expect, read, page, attempts, {})[1]

    def _ask(
        self, path: str, expect: type, read: Callable, page: Page, attempts: int, parameters: dict
    ) -> tuple[Answer, dict]:
        record: dict = {}

        def check(body: list | dict) -> None:
            try:
                record.update(read(body))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise MalformedError(f"the answer has another shape: {error!r}") from None

        answer = self._client.request(
            *("GET", f"{self._url}/{path}"),
            **{"resource": self.resource, "expect": expect, "check": check, "attempts": attempts},
            **{"params": parameters, "etag": page.etag},
        )
        return answer, record


def _account(login: str, account: dict) -> dict:
    if account["login"].lower() != login.lower():
        raise MalformedError(f"the answer about {login} is about {account['login'][:100]!r}")
    if account["type"] != "User":  # an organisation; GraphQL knows no user by its name either
        return {"user": login, "status": GoneError.reason}
    return {"user": account["login"]}


def _repository_record(repository: dict) -> dict:
    return repository_record(
        repository=repository["full_name"],
        clone_url=repository["clone_url"],
        default_branch=repository["default_branch"],
        fork=repository["fork"],
        archived=repository["archived"],
        stars=repository["stargazers_count"],
        size_kib=repository["size"],
        licence=repository["license"] and repository["license"]["spdx_id"],
        languages=None,
    )
