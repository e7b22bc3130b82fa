"""A small shop on disk, and the command line as a user runs it."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embrec.cli import main

WORDS = ["red", "green", "blue", "large", "small", "wool", "cotton", "silk"]
KINDS = ["scarf", "hat", "glove", "sock", "coat"]
N_ITEMS, N_USERS = 40, 120


class Shop:
    """A catalog of 40 articles and the log of 120 customers who go through them in order, mostly."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        generator = np.random.default_rng(0)
        titles = [f"{WORDS[i % 8]} {WORDS[(i * 3 + i // 8) % 8]} {KINDS[i % 5]} number {i}" for i in range(N_ITEMS)]
        with (folder / "items.jsonl").open("w") as stream:
            for i, title in enumerate(titles):
                stream.write(json.dumps({"item": f"i{i:02d}", "title": title, "brand": f"brand {i % 7}"}) + "\n")
        with (folder / "log.csv").open("w") as stream:
            stream.write("user,item,timestamp\n")
            for user in range(N_USERS):
                start, length = generator.integers(N_ITEMS), generator.integers(5, 11)
                for step in range(length):
                    stream.write(f"u{user:03d},i{(start + step) % N_ITEMS:02d},{1000 * user + step}\n")
        with (folder / "new.jsonl").open("w") as stream:
            for i in range(3):
                stream.write(json.dumps({"item": f"new{i}", "title": titles[i], "brand": f"brand {i % 7}"}) + "\n")

    def embrec(self, *arguments: object, check: bool = True, **options) -> subprocess.CompletedProcess:
        """Run a command in the shop's folder; one thread, so that tests beside each other do not fight."""
        environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        environment.pop("EMBREC_WORKSPACE", None)
        result = subprocess.run(
            [sys.executable, "-m", "embrec", *map(str, arguments)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=environment,
            **options,
        )
        if check:
            assert result.returncode == 0, result.stderr
        return result

    def here(self, *arguments: object, check: bool = True) -> subprocess.CompletedProcess:
        """Run a command in this process, which has loaded what it needs: two seconds less than a process of its own takes."""
        output, errors = io.StringIO(), io.StringIO()
        before, argv = Path.cwd(), sys.argv
        os.chdir(self.folder)
        sys.argv = ["embrec", *map(str, arguments)]
        code = 0
        try:
            with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(output):
                main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            os.chdir(before)
            sys.argv = argv
        result = subprocess.CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())
        if check:
            assert code == 0, result.stderr
        return result

    def invoke(self, *arguments: object) -> tuple[int, str]:
        """Run a command in this process; return the exit code and standard error."""
        result = self.here(*arguments, check=False)
        return result.returncode, result.stderr

    def import_log(self, category: str = "shop") -> None:
        """Import the log and the catalog."""
        self.embrec(
            "data", "import", "--source", "table", "--interactions", "log.csv", "--items", "items.jsonl",
            "--category", category, "--preset", "none",
        )  # fmt: skip

    def train(self, *arguments: object, **options) -> subprocess.CompletedProcess:
        """Train a small model on TF-IDF."""
        return self.embrec(
            "train", "--category", "shop", "--features", "tfidf", "--epochs", 3, "--batch-size", 16,
            "--learning-rate", 0.01, "--set", "model.dim=16", "--set", "model.units=16", *arguments, **options,
        )  # fmt: skip

    def run_folder(self, name: str) -> Path:
        """The folder of a run."""
        return self.folder / "workspace" / "shop" / "runs" / name

    def metrics(self, name: str) -> dict:
        """The metrics of a run without what differs from time to time."""
        metrics = json.loads((self.run_folder(name) / "metrics.json").read_text())
        metrics.pop("seconds")
        assert metrics.pop("peak memory MB") > 0
        return metrics


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """An imported shop with TF-IDF features and two trained runs, `content` and `id`."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.import_log()
    shop.embrec("features", "build", "--category", "shop", "--encoder", "tfidf")
    shop.train("--run", "content")
    shop.embrec("train", "--category", "shop", "--source", "id", "--epochs", "2", "--run", "id")
    return shop
