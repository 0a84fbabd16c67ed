import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from loopback import Clock, Reply, serve
from requests import Request

import garner.http.transport
from garner.errors import MalformedError, TransientError
from garner.http.credentials import ANONYMOUS, Token
from garner.http.dialect import Reply as Answer
from garner.http.transport import Transport, origin

TOKEN = Token("hush", "tokens, line 1")
BOMB = gzip.compress(b" " * (128 << 20), 1)
OK = Reply(body=b'{"fine": true}')


def sign(request, secret: str) -> None:
    """As Stack Exchange and Instagram have it: a parameter, and a cookie."""
    request.prepare_url(request.url, {"key": secret})
    request.headers["Cookie"] = f"sessionid={secret}"


def send(url: str, token: Token = ANONYMOUS, method: str = "GET", **content) -> Answer:
    return Transport(sign, None, {}, Clock()).send(Request(method, url, **content), token)


@contextmanager
def raw(*pieces: bytes, pause: float = 0.0) -> Iterator[str]:
    """A server that sends these bytes, whatever they are, with a pause after each; then it hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def answer() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                for piece in pieces:
                    try:
                        connection.sendall(piece)
                    except OSError:
                        break
                    if stop.wait(pause):
                        break

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        stop.set()
        listener.close()


# Size


@pytest.mark.parametrize("status", [200, 302, 500])
def test_gzip_bomb_is_cut_off_before_it_fills_the_memory(monkeypatch, status):
    monkeypatch.setattr(garner.http.transport, "LARGEST", 4 << 20)
    bomb = Reply(200, BOMB, {"Content-Encoding": "gzip", "Location": "/x"})
    with serve(bomb._replace(status=status)) as api:
        tracemalloc.start()
        with pytest.raises(MalformedError, match="4 MiB decompressed"):
            send(api.url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 32 << 20


def test_endless_body_is_cut_off(monkeypatch):
    monkeypatch.setattr(garner.http.transport, "LARGEST_SENT", 1 << 20)
    with serve(Reply(200, b" " * (3 << 20))) as api, pytest.raises(MalformedError, match="more than 1 MiB"):
        send(api.url)


def test_megabytes_of_any_script_arrive_whole():
    text = "żółć 👩‍👩‍👧 \u202e" * 100_000
    with serve(Reply(200, gzip.compress(text.encode("utf-8-sig")), {"Content-Encoding": "gzip"})) as api:
        assert send(api.url).text == text


# Length


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}"],
        [b""],
        [b"NOT HTTP AT ALL\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n{}"],
        [b"HTTP/1.1 301 Moved\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n"],
        [b"HTTP/1.1 301 Moved\r\nLocation: http://a:99999999/\r\nContent-Length: 0\r\n\r\n"],
        [b"HTTP/1.1 301 Moved\r\nLocation: gopher://a/\r\nContent-Length: 0\r\n\r\n"],
    ],
    ids=["short", "cut chunk", "no chunk", "nothing", "no HTTP", "no gzip", "headers", *"123"],
)
def test_what_is_no_whole_answer_is_a_typed_error(pieces):
    with raw(*pieces) as url, pytest.raises((TransientError, MalformedError)) as error:
        send(url, TOKEN)
    assert "hush" not in str(error.value)


def test_body_longer_than_it_says_does_not_leak_into_the_next_answer():
    first = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}[1, 2, 3]HTTP/1.1 200 OK\r\n\r\n"
    with raw(first) as url:
        transport = Transport(sign, None, {}, Clock())
        assert [transport.send(Request("GET", url), ANONYMOUS).text for _ in range(3)] == ["{}"] * 3


# Time


@pytest.mark.parametrize(
    "begin",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "],
    ids=["body", "header"],
)
def test_slow_drip_is_given_up_and_the_next_request_goes_out(monkeypatch, begin):
    monkeypatch.setattr(garner.http.transport, "LONGEST_REQUEST", 0.3)
    transport = Transport(sign, None, {}, Clock())
    with raw(begin, *[b" "] * 600, pause=0.05) as url, serve(OK) as api:
        began = time.monotonic()
        with pytest.raises(TransientError, match="no whole answer"):
            transport.send(Request("GET", url), ANONYMOUS)
        assert time.monotonic() - began < 10, "not the 30 seconds that it would last"
        assert transport.send(Request("GET", api.url), ANONYMOUS).json == {"fine": True}


def test_thread_of_a_request_that_was_given_up_ends(monkeypatch):
    monkeypatch.setattr(garner.http.transport, "LONGEST_REQUEST", 0.2)
    before = threading.active_count()
    begin = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
    with raw(begin, *[b" "] * 6000, pause=0.05) as url:
        with pytest.raises(TransientError):
            send(url)
        deadline = time.monotonic() + 10
        while threading.active_count() > before + 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert threading.active_count() <= before + 1, "but for the server's own"


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_token_stays_home_when_redirected_to_another_host(status):
    with serve(OK) as other, serve(Reply(status, b"", {"Location": f"{other.url}/new?a=b"})) as api:
        reply = send(f"{api.url}/old", TOKEN)
        assert "key=hush" in api.requests[0].path
        assert other.requests[0].path == "/new?a=b"
        assert "cookie" not in other.requests[0].headers
    assert (reply.url, reply.token) == (f"{other.url}/new?a=b", None)


def test_redirect_within_the_host_keeps_the_token_and_not_the_parameters():
    with serve(Reply(301, b"", {"Location": "/new"}), OK) as api:
        reply = send(f"{api.url}/old", TOKEN, params={"of": "ann"})
        assert [request.path for request in api.requests] == ["/old?of=ann&key=hush", "/new?key=hush"]
        assert api.requests[1].headers["cookie"] == "sessionid=hush"
    assert (reply.url, reply.token) == (f"{api.url}/new", TOKEN.place)


def test_token_is_sent_again_when_a_detour_comes_back_home():
    with serve(OK) as other, serve(Reply(302, b"", {"Location": f"{other.url}/out"}), OK) as api:
        other.replies = [Reply(302, b"", {"Location": f"{api.url}/back"})]
        send(api.url, TOKEN)
        assert [("cookie" in request.headers) for request in api.requests + other.requests] == [
            True,
            True,
            False,
        ]


def test_endless_redirects_end():
    with serve(Reply(302, b"", {"Location": "/again"})) as api:
        with pytest.raises(MalformedError, match="redirects more than 5 times"):
            send(api.url)
        assert len(api.requests) == 5


def test_what_was_sent_goes_to_no_other_host():
    with serve(OK) as other, serve(Reply(307, b"", {"Location": other.url})) as api:
        with pytest.raises(MalformedError, match="another host"):
            send(api.url, TOKEN, "POST", data={"variables": "ann"})
        assert other.requests == []


@pytest.mark.parametrize(("status", "method"), [(302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_redirect_within_the_host_treats_the_method_as_browsers_do(status, method):
    with serve(Reply(status, b"", {"Location": "/new"}), OK) as api:
        send(api.url, TOKEN, "POST", json={"query": "q"})
        last = api.requests[1]
    assert (last.method, last.body) == (method, b'{"query": "q"}' if method == "POST" else b"")


def test_redirect_that_goes_nowhere_is_handed_on():
    with serve(Reply(302, b"nowhere")) as api:
        assert send(api.url).status == 302


# What is kept, and what is not


def test_no_cookie_of_an_answer_is_kept():
    with serve(Reply(200, b"{}", {"Set-Cookie": "spy=1; Path=/"}), OK) as api:
        transport = Transport(sign, None, {}, Clock())
        for _ in range(2):
            transport.send(Request("GET", api.url), ANONYMOUS)
        assert "cookie" not in api.requests[1].headers


def test_passwords_of_a_netrc_are_not_sent(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serve(OK) as api:
        send(api.url)
        assert "authorization" not in api.requests[0].headers


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a/x", "https://A:443/y", True),
        ("https://a", "http://a", False),
        ("https://a", "https://a:444", False),
        ("https://a", "https://b.a", False),
        ("https://a", "https://a@b", False),
    ],
)
def test_host_of_the_settings_is_told_from_others(one, other, same):
    assert (origin(one) == origin(other)) is same
