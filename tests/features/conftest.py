"""Model folders shared by the tests of encoders."""

import pytest


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Return the folder of each kind of small random model; to be read only."""
    from support.text_models import KINDS, make_model

    root = tmp_path_factory.mktemp("models")
    return {kind: make_model(root / kind, kind) for kind in KINDS}
