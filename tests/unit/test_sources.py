import pytest
from github_study import operational, study

from garner.sources import open_source
from garner.sources.github import GitHub
from garner.sources.repository_list import RepositoryList


def test_source_is_the_one_that_the_study_names(tmp_path):
    assert isinstance(open_source(study("https://x"), tmp_path, operational()), GitHub)
    listed = study("https://x", repositories_file="list.txt")
    assert isinstance(open_source(listed, tmp_path, operational()), RepositoryList)


def test_unknown_source_is_no_source(tmp_path):
    with pytest.raises(ModuleNotFoundError):
        open_source(study("https://x") | {"source": "nowhere"}, tmp_path, operational())


def test_opening_a_source_touches_neither_disk_nor_network(tmp_path):
    open_source(study("https://api.github.com"), tmp_path / "state", operational(tokens="absent"))
    assert not (tmp_path / "state").exists()
