"""Nothing heavy is loaded before it is needed, so that the command line starts at once."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "polars", "pyarrow", "sklearn", "scipy", "h5py", "transformers", "pydantic")


@pytest.mark.parametrize(
    "statement",
    [
        "import embrec",
        "import embrec.cli",
        "import sys; sys.argv = ['embrec', '--help']; import embrec.cli as c; c.main()",
    ],
)
def test_heavy_libraries_load_late(statement):
    code = f"import sys\ntry:\n    exec({statement!r})\nexcept SystemExit:\n    pass\n"
    code += f"print(','.join(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == ""
