"""The folder of a comparison: what it keeps, and folders that version 0.1 left."""

import hashlib

import pytest
from support.categories import toy_category
from support.comparisons import changes, wanted

from embrec.comparisons import runner
from embrec.comparisons.losses import compare_losses
from embrec.runs.folder import RunFolder


def test_the_ranks_that_an_earlier_version_kept_are_read(tmp_path, monkeypatch):
    category = toy_category(tmp_path)
    request = wanted(category, seeds=2, name="mine")
    first = compare_losses(request, ["bpr"])
    folder = first.folder / "evaluations"
    folder.mkdir()
    for one in first.rows[
        0
    ].runs:  # as version 0.1 had it: ranks in the folder of the comparison, none in those of its runs
        run = RunFolder(category.runs / one.name)
        (file,) = (run.path / "evaluations").iterdir()
        digest = hashlib.blake2b(run.fingerprint().encode() + run.weights.read_bytes(), digest_size=8)
        file.rename(folder / f"{digest.hexdigest()}.safetensors")
    monkeypatch.setattr(runner, "evaluate", lambda *_, **__: pytest.fail("the targets were ranked again"))
    assert compare_losses(request, ["bpr"]).rows[0].metrics == first.rows[0].metrics
    before = changes(category.runs)
    compare_losses(request, ["bpr"])
    assert changes(category.runs) == before
