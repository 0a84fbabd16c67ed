import requests

from garner.http.asking import Ask
from garner.http.credentials import ANONYMOUS, Token

TOKEN = Token("hush", "tokens, line 1")


def ask(url: str = "https://api.example.org/things", etag: str | None = None, **content) -> Ask:
    return Ask("GET", url, "core", dict, lambda body: None, etag, content)


def test_messages_name_neither_parameters_nor_fragment():
    assert str(ask("https://api.example.org/things?user=ann#ann", params={"of": "ann"})) == (
        "GET https://api.example.org/things"
    )


def test_etag_is_sent_by_the_token_that_got_it_alone():
    conditional = ask(etag=f'{TOKEN.id} W/"a b"', headers={"X": "y"})
    assert conditional.asked_by == TOKEN.id
    assert conditional.request(TOKEN).headers == {"X": "y", "If-None-Match": 'W/"a b"'}
    assert conditional.request(ANONYMOUS).headers == {"X": "y"}
    assert ask().asked_by is None


def test_content_is_what_requests_takes():
    request = ask(params={"page": 2}, data={"a": "b"}).request(TOKEN)
    assert isinstance(request, requests.Request)
    prepared = request.prepare()
    assert (prepared.url, prepared.body) == ("https://api.example.org/things?page=2", "a=b")
