import pytest
from github_study import operational, study

from garner.errors import ConfigError, CredentialsError
from garner.sources.github_api import api_address, connect, graphql_address


def settings(api: str = "https://api.github.com", **changes: object) -> dict:
    return study(api, **changes)["scrape"]


@pytest.fixture
def tokens(tmp_path):
    path = tmp_path / "tokens"
    path.write_text("secret\n")
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize(
    ("api", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://git.example.org/api/v3", "https://git.example.org/api/graphql"),
        ("http://127.0.0.1:8807", "http://127.0.0.1:8807/graphql"),
    ],
)
def test_graphql_lies_beside_the_rest_api_and_on_an_enterprise_server_above_it(api, graphql):
    assert graphql_address(api_address(api)) == graphql


def test_one_api_has_one_spelling():
    assert api_address("https://API.GitHub.com/") == "https://api.github.com"
    assert api_address("https://git.example.org/api/v3//") == "https://git.example.org/api/v3"


@pytest.mark.parametrize(
    "api",
    [
        "api.github.com",
        "ftp://x",
        "https://",
        "https://me:pass@x",
        "https://x?y",
        "https://[::",
        "https://x y",
    ],
)
def test_address_that_is_none_is_refused(api):
    with pytest.raises(ConfigError, match=r"scrape\.api"):
        api_address(api)


def test_graphql_on_github_without_a_token_is_refused_with_the_cure():
    with pytest.raises(ConfigError, match=r"run\.tokens\.github, or set scrape\.protocol to rest"):
        connect(settings(), operational())
    connect(settings(protocol="rest"), operational())
    connect(settings("http://127.0.0.1:1"), operational())


def test_token_goes_over_https_or_to_this_machine_alone(tokens):
    with pytest.raises(ConfigError, match="https alone"):
        connect(settings("http://git.example.org/api/v3"), operational(tokens=tokens))
    for api in ("https://api.github.com", "http://127.0.0.1:1", "http://localhost:1"):
        connect(settings(api), operational(tokens=tokens))


def test_open_token_file_is_refused_before_any_request(tokens, tmp_path):
    (tmp_path / "tokens").chmod(0o644)
    with pytest.raises(CredentialsError, match="chmod 600"):
        connect(settings(), operational(tokens=tokens))


def test_day_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="2024-02-30"):
        connect(settings(protocol="rest", date="2024-02-30"), operational())
