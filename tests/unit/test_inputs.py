import pytest

from garner.errors import ConfigError, InputError
from garner.inputs import input_files, input_name, refuse_unfit_names


def test_a_folder_stands_for_the_regular_files_below_it(tmp_path):
    for name in ("b.py", "deep/a.c", ".git/config", ".hidden", "with space.rb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "link.py").symlink_to(tmp_path / "b.py")
    found = [path.removeprefix(f"{tmp_path}/") for path in input_files(str(tmp_path))]
    assert found == ["b.py", "deep/a.c", "with space.rb"]


def test_a_list_file_stands_for_the_paths_in_it(tmp_path):
    (tmp_path / "a.py").touch()
    (tmp_path / "b.py").touch()
    (tmp_path / "list").write_text(f"\ufeff{tmp_path}/a.py\n\n{tmp_path}/b.py\r\n")
    assert input_files(f"@{tmp_path}/list") == input_files([f"{tmp_path}/b.py", f"{tmp_path}/a.py"])


def test_a_list_does_not_stand_for_lists(tmp_path):
    (tmp_path / "list").write_text(f"@{tmp_path}/list\n")
    with pytest.raises(InputError, match="list' is not there"):
        input_files(f"@{tmp_path}/list")


def test_files_of_the_working_folder_carry_no_dot(tmp_path, monkeypatch):
    (tmp_path / "a.py").touch()
    monkeypatch.chdir(tmp_path)
    assert input_files(".") == input_files("./a.py") == ["a.py"]


@pytest.mark.parametrize("name", ["a\nb.py", "a\rb.py", "\udcff.py", "{study}.py"])
def test_a_name_that_snakemake_cannot_keep_account_of_is_refused_with_the_way_round(name):
    with pytest.raises(InputError, match="Rename it, or use `python -m garner predict`"):
        refuse_unfit_names(["a b.py", name])


@pytest.mark.parametrize("name", ["a b.py", "tab\t.py", "quote'.py", "\u00e9.py"])
def test_any_other_name_is_taken(name):
    assert refuse_unfit_names([name]) == [name]


@pytest.mark.parametrize(
    ("given", "words"), [("nowhere", "'nowhere' is not there"), ("@nowhere", "list 'nowhere'")]
)
def test_what_is_not_there_is_named(given, words):
    with pytest.raises(InputError, match=words):
        input_files(given)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(InputError, match="holds no file"):
        input_files(str(tmp_path))


def test_no_input_overwrites_anothers_predictions(tmp_path):
    names = [
        input_name(str(path), ["s"])
        for path in (tmp_path / "a" / "src", tmp_path / "b" / "src", tmp_path / "a")
    ]
    assert len(set(names)) == 3
    assert names[0].startswith("src-")
    assert input_name("list.txt", ["s"]) != input_name("@list.txt", ["s"])
    assert input_name(str(tmp_path / "a" / "src" / ""), ["s"]) == names[0]


def test_an_odd_name_becomes_a_safe_folder():
    assert input_name("/x/../ä b\n$(c)", ["s"]).split("-")[0].isalnum()
    assert "/" not in input_name("/", ["s"])


def test_predictions_are_made_by_one_study():
    assert input_name(None, ["a", "b"]) is None
    with pytest.raises(ConfigError, match="one study at a time, and a, b are chosen"):
        input_name("x", ["a", "b"])


def test_a_file_whose_own_name_begins_with_an_at_sign_is_no_list(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "@name.csv").write_text("text\nnowhere\n")
    assert input_files("@name.csv") == ["@name.csv"]
