"""Pseudonyms: keyed, the same everywhere, and lost with their key."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from garner.errors import ConfigError, CredentialsError, InputError
from garner.pseudonyms import DIGITS, PlainNames, Pseudonyms, make_key, naming_of, naming_of_crawl, read_key

KEY = "0f" * 32
OTHER = "f0" * 32


@pytest.fixture
def names() -> Pseudonyms:
    return Pseudonyms(KEY)


@pytest.fixture
def key_file(tmp_path):
    make_key(tmp_path / "state/pseudonyms.key")
    return tmp_path / "state/pseudonyms.key"


def test_a_pseudonym_is_of_the_stated_length_and_kept_for_ever(names):
    # Computed once by `openssl dgst -sha256 -mac HMAC -macopt hexkey:0f0f…` over "user:ann".
    assert names.user("ann") == "5c96f7aa779df751f45b2261"
    assert len(names.user("ann")) == DIGITS


def test_a_name_has_one_pseudonym_however_it_is_written(names):
    assert len({names.user(name) for name in ("Ann.B", "ann.b", "@ann.b", " @ANN.B\n")}) == 1


def test_another_key_gives_other_pseudonyms(names):
    assert names.user("ann") != Pseudonyms(OTHER).user("ann")


def test_a_name_of_digits_is_not_taken_for_an_account_or_a_post(names):
    assert len({names.user("12345"), names.number("account", "12345"), names.number("post", "12345")}) == 3


@pytest.mark.parametrize(
    "text",
    [
        "with @ann",
        "with @Ann!",
        "with @ann.",
        "(📸 @ann )",
        "hi_@ann,@ann",
        "@\u200bann",
        "＠ann",
        "see https://www.instagram.com/ann/?hl=en",
        "INSTAGRAM.COM/_u/Ann",
        "mail me@ann",
    ],
)
def test_whoever_a_text_mentions_stands_there_by_their_pseudonym(names, text):
    replaced = names.text(text)
    assert "ann" not in replaced.lower().replace("instagram", "")
    assert replaced.count(names.user("ann")) == text.lower().count("ann")


def test_the_rest_of_a_text_stays_as_it_is(names):
    assert names.text("at 5 @ home: ann, @ and #ann…") == "at 5 @ home: ann, @ and #ann…"
    assert names.text("so @a.b.c. Bye") == f"so @{names.user('a.b.c')}. Bye"


def test_what_is_concealed_is_read_with_the_key_alone(names):
    concealed = names.conceal(["4711", "QVFB"])
    assert "4711" not in concealed
    assert names.reveal(concealed) == ["4711", "QVFB"]
    with pytest.raises(InputError, match="can't be read with the pseudonym key"):
        Pseudonyms(OTHER).reveal(concealed)


def test_plain_names_change_nothing_but_the_spelling():
    plain = PlainNames()
    assert plain.user("@Ann") == "ann"
    assert plain.text("with @Bob") == "with @Bob"
    assert plain.number("post", "12") == "12"
    assert plain.reveal(plain.conceal(["1", None])) == ["1", None]


# The key


def test_the_first_crawl_makes_a_key_that_only_its_owner_can_read(tmp_path):
    key = tmp_path / "state/pseudonyms.key"
    naming_of_crawl(True, key, tmp_path / "state/ages/scrape")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in key.parent.iterdir() if path.is_file()] == ["pseudonyms.key"]


def test_later_stages_and_other_studies_come_to_the_same_pseudonyms(tmp_path):
    key = tmp_path / "state/pseudonyms.key"
    crawl = naming_of_crawl(True, key, tmp_path / "state/ages/scrape")
    again = naming_of_crawl(True, key, tmp_path / "state/ages/scrape")
    other = naming_of_crawl(True, key, tmp_path / "state/more/scrape")
    assert {each.user("ann") for each in (crawl, again, other, naming_of(True, key))} == {crawl.user("ann")}


def test_nothing_of_the_key_or_of_a_name_is_kept_in_the_state(tmp_path):
    key, state = tmp_path / "pseudonyms.key", tmp_path / "state/ages/scrape"
    names = naming_of_crawl(True, key, state)
    kept = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert read_key(key).encode() not in kept
    assert names.user("ann").encode() not in kept


def test_two_crawls_that_begin_at_once_share_one_key(tmp_path):
    key = tmp_path / "state/pseudonyms.key"

    def begin(_: int) -> str:
        make_key(key)
        return read_key(key)

    with ThreadPoolExecutor(8) as crawls:
        assert len(set(crawls.map(begin, range(40)))) == 1
    assert [path.name for path in key.parent.iterdir()] == [key.name]


def test_without_its_key_a_study_cannot_go_on_and_is_told_so(tmp_path):
    key, state = tmp_path / "pseudonyms.key", tmp_path / "state/ages/scrape"
    naming_of_crawl(True, key, state)
    key.unlink()
    with pytest.raises(
        CredentialsError, match=r"not there.*copy.*can't go on.*reset STUDY=ages STAGE=scrape"
    ):
        naming_of_crawl(True, key, state)
    assert not key.exists()


def test_a_key_other_than_that_of_the_state_is_refused(tmp_path):
    key, state = tmp_path / "pseudonyms.key", tmp_path / "state/ages/scrape"
    naming_of_crawl(True, key, state)
    key.write_text(OTHER)
    with pytest.raises(CredentialsError, match=r"not the one that .* was made with"):
        naming_of_crawl(True, key, state)


@pytest.mark.parametrize(("before", "kept"), [(True, "pseudonyms"), (False, "the names themselves")])
def test_a_state_cannot_change_between_names_and_pseudonyms(tmp_path, before, kept):
    key, state = tmp_path / "pseudonyms.key", tmp_path / "state/ages/scrape"
    make_key(key)
    naming_of_crawl(before, key, state)
    with pytest.raises(ConfigError, match=f"holds {kept}, but the setting scrape.pseudonymise"):
        naming_of_crawl(not before, key, state)


def test_without_pseudonyms_no_key_is_made(tmp_path):
    naming_of_crawl(False, tmp_path / "pseudonyms.key", tmp_path / "state/ages/scrape")
    assert not (tmp_path / "pseudonyms.key").exists()


def test_a_later_stage_never_makes_a_key(tmp_path):
    with pytest.raises(CredentialsError, match=r"run\.pseudonym_key.*is not there"):
        naming_of(True, tmp_path / "pseudonyms.key")


def test_a_key_that_others_can_read_is_refused_with_the_cure(key_file):
    key_file.chmod(0o640)
    with pytest.raises(CredentialsError, match=r"mode 0640.*chmod 600"):
        read_key(key_file)


@pytest.mark.parametrize("content", [b"", b"0f" * 31, b"x" * 64, b"\xff" * 64])
def test_a_file_that_holds_no_key_is_refused_without_being_quoted(key_file, content):
    key_file.write_bytes(content)
    with pytest.raises(CredentialsError) as refused:
        read_key(key_file)
    assert "pseudonym key" in str(refused.value)
    assert "xxxx" not in str(refused.value)
