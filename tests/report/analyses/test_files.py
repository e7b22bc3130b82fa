"""JSON files of the analyses, readable by any parser."""

import doctest
import json

from embrec.report.analyses import files as output


def test_the_examples_in_the_docstrings_are_right():
    assert doctest.testmod(output).failed == 0


def test_figure_and_numbers_are_written_beside_each_other(tmp_path):
    from embrec.comparisons.figures import empty_figure

    output.write_analysis(tmp_path / "new", "one", lambda: empty_figure(1, 1), {"mean": float("inf"), 1: (True, "a")})
    assert {file.name for file in (tmp_path / "new").iterdir()} == {"one.png", "one.svg", "one.json"}
    assert json.loads((tmp_path / "new" / "one.json").read_text()) == {"mean": None, "1": [True, "a"]}
