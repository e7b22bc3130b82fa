"""Running a command inside the test process."""

import sys

import pytest
from support.categories import toy_category
from support.shops import write_shop

from embrec.cli.app import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder; return its exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.delenv("EMBREC_DEBUG", raising=False)
    monkeypatch.delenv("EMBREC_WORKSPACE", raising=False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["embrec", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        return stop.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture
def embrec(run, tmp_path):
    """Run a command beside a category."""
    toy_category(tmp_path / "workspace")
    return run


@pytest.fixture
def shop_files(tmp_path):
    """Write the files of a shop into the folder where commands run."""
    write_shop(tmp_path)
