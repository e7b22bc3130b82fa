"""What tests of all parts share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A deadline for each example, which hypothesis sets unless told otherwise, times the machine and not the program.
settings.register_profile("embrec", deadline=None)
settings.load_profile("embrec")

_REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; a test that needs it is skipped where there is none."""
    folder = Path(os.environ.get("EMBREC_TEST_DATA") or _REPOSITORY.parent / "shared" / "data")
    if not (folder / "beauty" / "interactions.parquet").is_file():
        pytest.skip(f"no real data in {folder}; set EMBREC_TEST_DATA to a folder that has them")
    return folder
