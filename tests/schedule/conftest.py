"""One small project for a test, or copied from one that is made once."""

import shutil

import pytest
from small_project import make_project


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("schedule") / "template")


@pytest.fixture
def project(template, tmp_path):
    return shutil.copytree(template, tmp_path / "project")
