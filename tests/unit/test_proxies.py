import pytest
from loopback import Clock

from garner.errors import CredentialsError
from garner.http.proxies import LONGEST_REST, Proxies, Proxy, read_proxies


def proxy_file(tmp_path, text: str, mode: int = 0o600):
    path = tmp_path / "proxies"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_each_line_is_a_proxy_but_for_comments_and_doubles(tmp_path):
    text = "# ours\nhttp://a.example:3128\n\nhttps://me:pw@[::1]:1/\nhttp://a.example:3128\n"
    proxies = read_proxies(proxy_file(tmp_path, text))
    assert [proxy.url for proxy in proxies] == ["http://a.example:3128", "https://me:pw@[::1]:1/"]
    assert proxies[1].place.endswith("proxies, line 4")


@pytest.mark.parametrize(
    "line", ["a.example:3128", "socks5://a.example:1", "http://a/b", "ftp://a", "http://a b"]
)
def test_line_that_is_no_proxy_is_named_by_number_and_not_shown(tmp_path, line):
    with pytest.raises(CredentialsError, match=r"line 1 is no address of a proxy.*http://HOST:PORT") as error:
        read_proxies(proxy_file(tmp_path, line.replace("a", "hush")))
    assert "hush" not in str(error.value)


def test_file_that_others_can_read_is_refused(tmp_path):
    with pytest.raises(CredentialsError, match=r"proxy file .* has mode 0644"):
        read_proxies(proxy_file(tmp_path, "http://a:1", 0o644))


def test_first_healthy_proxy_is_used_and_returns_to_work_after_its_rest():
    clock = Clock()
    a, b = Proxy("http://a", "a"), Proxy("http://b", "b")
    proxies = Proxies([a, b], clock)
    assert proxies.best() is a
    rest = proxies.rest(a)
    assert proxies.best() is b
    clock.now += rest
    assert proxies.best() is a


def test_rests_grow_with_each_failure_in_a_row_up_to_a_bound():
    a = Proxy("http://a", "a")
    proxies = Proxies([a], Clock())
    assert [proxies.rest(a) for _ in range(3)] == [60, 120, 240]
    proxies.worked(a)
    assert proxies.rest(a) == 60
    assert max(proxies.rest(a) for _ in range(20)) == LONGEST_REST


def test_where_all_rest_the_one_whose_rest_ends_first_is_used():
    a, b = Proxy("http://a", "a"), Proxy("http://b", "b")
    proxies = Proxies([a, b], Clock())
    proxies.rest(a)
    proxies.rest(a)
    proxies.rest(b)
    assert proxies.best() is b


def test_without_proxies_requests_go_out_directly():
    assert Proxies([]).best() is None


def test_proxy_never_shows_its_password():
    assert "hush" not in repr(Proxy("http://me:hush@a", "proxies, line 1"))
