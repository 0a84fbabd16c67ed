"""GitHub's REST API: one request for each page of one user, and for each repository's languages.

https://docs.github.com/rest/users/followers and https://docs.github.com/rest/repos/repos
"""

from collections.abc import Iterable
from urllib.parse import quote

from garner.client import Answer, Client
from garner.errors import ForbiddenError, GoneError, MalformedError
from garner.sources.github_records import Page, owned_by, repository_record


class Rest:
    """Asks for pages under the address `url` and reads the answers as records."""

    name = "rest"
    resource = "core"

    def __init__(self, client: Client, url: str):
        self._client = client
        self._url = url

    def fetch(self, pages: Iterable[Page]) -> list[dict]:
        """The record for the first of `pages`.

        Raises what `Client.request` raises, but for what is gone or forbidden, which is a record too; and
        MalformedError for an answer of another shape.
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
            return [ask(page)]
        except (GoneError, ForbiddenError) as error:
            subject = {"listed": "listed", "languages": "repository"}.get(page.kind, "user")
            return [{subject: page.of, "status": error.reason}]
        except (KeyError, TypeError, AttributeError) as error:
            raise MalformedError(
                f"{page.kind} of {page.of}: the answer has another shape: {error!r}."
            ) from None

    def _account(self, page: Page) -> dict:
        account = self._get(f"users/{quote(page.of)}", dict).body
        if account["type"] != "User":  # an organisation; GraphQL knows no user by its name either
            return {"user": page.of, "status": GoneError.reason}
        return {"user": account["login"]}

    def _following(self, page: Page) -> dict:
        answer = self._get_page(f"users/{quote(page.of)}/following", page)
        users = [user["login"] for user in answer.body if user["type"] == "User"]
        return {"user": page.of, "following": users, "after": page.after, "next": _next(page, answer)}

    def _repositories(self, page: Page) -> dict:
        answer = self._get_page(f"users/{quote(page.of)}/repos", page, type="owner", sort="full_name")
        found = owned_by(page.of, [_repository_record(repository) for repository in answer.body])
        return {"user": page.of, "repositories": found, "after": page.after, "next": _next(page, answer)}

    def _languages(self, page: Page) -> dict:
        languages = self._get(f"repos/{quote(page.of)}/languages", dict).body
        return {"repository": page.of, "languages": languages, "after": page.after, "next": None}

    def _listed(self, page: Page) -> dict:
        repository = self._get(f"repos/{quote(page.of)}", dict).body
        return {"listed": page.of, "found": _repository_record(repository)}

    def _get_page(self, path: str, page: Page, **parameters: object) -> Answer:
        return self._get(path, list, **parameters, per_page=100, page=_number(page))

    def _get(self, path: str, expect: type, **parameters: object) -> Answer:
        return self._client.request(
            "GET", f"{self._url}/{path}", resource=self.resource, expect=expect, params=parameters
        )


def _number(page: Page) -> int:
    return int(page.after.removeprefix("rest:")) if page.after else 1


def _next(page: Page, answer: Answer) -> str | None:
    # By number, not by the address in the answer: the token goes to no address but that of the settings.
    return f"rest:{_number(page) + 1}" if answer.has_next else None


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
