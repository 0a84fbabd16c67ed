"""The connection to one GitHub: its addresses, its tokens, and the protocol that the settings ask for."""

import re
from urllib.parse import urlsplit

from garner.errors import ConfigError
from garner.http import client
from garner.http.client import Client
from garner.http.waiting import midnight
from garner.sources.github_graphql import GraphQL
from garner.sources.github_limits import GitHubLimits
from garner.sources.github_rest import Rest

_ADDRESS = re.compile(r"(https?://[A-Za-z0-9._-]+(?::[0-9]+)?)((?:/[^/?#\s]+)*)/*")

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


def connect(settings: dict, operational: dict) -> tuple[GraphQL | Rest, Client]:
    """The protocol of the settings, and the client through which it asks. Sends nothing yet.

    Raises ConfigError for an address or date that cannot be used, and CredentialsError for a token file.
    """
    api = api_address(settings["api"])
    host = urlsplit(api).hostname
    if operational["tokens"] is None and settings["protocol"] == "graphql" and host == "api.github.com":
        raise ConfigError(
            "GitHub answers GraphQL with a token only. Name a file of mode 0600 that holds one in the "
            "setting run.tokens.github, or set scrape.protocol to rest."
        )
    connection = client.connect(
        api, operational, GitHubLimits(), HEADERS, until=midnight(settings["stop_after"]["date"])
    )
    if settings["protocol"] == "rest":
        return Rest(connection, api), connection
    return GraphQL(connection, graphql_address(api)), connection


def api_address(api: str) -> str:
    """The address of the REST API in one spelling, by which the journal knows it."""
    match = _ADDRESS.fullmatch(api)
    if match is None:
        raise ConfigError(
            f"the setting scrape.api is {api!r}. Expected an address like https://api.github.com."
        )
    origin, path = match.groups()
    return origin.lower() + path


def graphql_address(api: str) -> str:
    """Beside the REST API on github.com, above its version on an Enterprise server.

    https://docs.github.com/enterprise-server/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint
    """
    return api.removesuffix("/v3") + "/graphql" if api.endswith("/api/v3") else api + "/graphql"
