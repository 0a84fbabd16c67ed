import pytest

from garner.errors import InputError
from garner.sources.given_files import csv_files, find_dump


def test_dump_is_the_file_itself_or_the_first_of_the_sites_in_a_folder(tmp_path):
    names = ["questions_scifi.parquet", "scifi.stackexchange.com.7z", "scifi.stackexchange.com-Posts.7z"]
    for name in ["Posts.xml.zst", "Posts.xml", *names[::-1]]:
        (tmp_path / "questions_crypto.parquet").touch()
        (tmp_path / name).touch()
        assert find_dump(tmp_path, "scifi") == tmp_path / name
        assert find_dump(tmp_path / name, "crypto") == tmp_path / name


def test_folder_without_the_site_is_refused_with_the_sites_that_are_there(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(
        InputError, match=r"no questions of scifi\. Expected one of questions_scifi.*Posts.xml.zst\.$"
    ):
        find_dump(tmp_path, "scifi")
    for site in ("robotics", "crypto"):
        (tmp_path / f"questions_{site}.parquet").touch()
    with pytest.raises(InputError, match=r"tables of crypto, robotics: is the setting scrape\.site right"):
        find_dump(tmp_path, "scifi")


def test_missing_dump_and_folder_are_named(tmp_path):
    with pytest.raises(InputError, match=r"absent, the setting scrape\.dump, is not there"):
        find_dump(tmp_path / "absent", "scifi")
    with pytest.raises(InputError, match=r"absent, the setting scrape\.folder, can't be read: No such file"):
        csv_files(tmp_path / "absent")


def test_csv_files_are_sorted_and_others_passed_over(tmp_path):
    for name in ("b.csv", "@a.CSV", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "c.csv").mkdir()
    assert [path.name for path in csv_files(tmp_path)] == ["@a.CSV", "b.csv"]
