import pytest

from garner.errors import ConfigError
from garner.settings_file import holds_settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run:\n  contact: [\n x: y: z\n", "config.local.yaml, line 3: "),
        ("run:\n\tcontact: a\n", "config.local.yaml, line 2: "),
        ("just words\n", "config.local.yaml holds 'just words'. Expected lines of the form `key: value`"),
        ("- run\n", "config.local.yaml holds ['run']"),
        ("\0", "config.local.yaml is no YAML"),
    ],
)
def test_a_file_of_settings_that_is_no_yaml_is_named_with_the_line(tmp_path, text, words):
    (tmp_path / "config.local.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        holds_settings(tmp_path / "config.local.yaml")
    assert words in str(caught.value)


@pytest.mark.parametrize(("text", "sets"), [("", False), ("# run:\n", False), ("run: {}\n", True)])
def test_a_file_with_all_settings_commented_out_is_as_good_as_none(tmp_path, text, sets):
    path = tmp_path / "config.local.yaml"
    assert not holds_settings(path)
    path.write_text(text)
    assert holds_settings(path) is sets
