"""What several files of tests use, made once."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def questions(tmp_path_factory) -> Path:
    """The tiny study of questions, trained and exported; not to be changed."""
    return _exported(tmp_path_factory, "multilabel")


@pytest.fixture(scope="session")
def users(tmp_path_factory) -> Path:
    """The tiny study of users, trained and exported; not to be changed."""
    return _exported(tmp_path_factory, "users")


def _exported(tmp_path_factory, kind: str) -> Path:
    import exported_encoders  # here, as it brings torch, which few of the tests need

    return exported_encoders.make(tmp_path_factory.mktemp(kind), kind)
