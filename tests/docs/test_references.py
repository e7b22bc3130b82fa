"""Every citation leads to an entry of docs/references.md, and everything that users choose by name has a source there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from embrec.data.recognition import SOURCES
from embrec.evaluation.metrics import METRICS
from embrec.features.registry import ENCODERS
from embrec.features.transforms import TRANSFORMS
from embrec.models.baselines.registry import BASELINES
from embrec.models.losses.config import LOSSES
from embrec.models.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
REFERENCES = ROOT / "docs/references.md"
KEY = r"[a-z]+\d{4}[a-z]*"
CITATION = re.compile(rf"\[({KEY})\]")
LINK = re.compile(rf"references\.md#({KEY})|^\| .*\]\(#({KEY})\)", flags=re.MULTILINE)
# What follows no paper: a user's own table, and changes of length and precision.
WITHOUT_SOURCE = {"data": {"table"}, "transform": {"l2", "half"}}


def entries() -> dict[str, str]:
    """Return what stands below each key."""
    parts = re.split(rf"^### ({KEY})$", REFERENCES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def cited() -> Iterator[tuple[str, str]]:
    """Yield (place, key) of every citation in the package and its pages."""
    files = [
        path for pattern in ("embrec/**/*.py", "embrec/**/*.yaml", "docs/*.md", "*.md") for path in ROOT.glob(pattern)
    ]
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for key in (*CITATION.findall(line), *(key for pair in LINK.findall(line) for key in pair if key)):
                yield f"{path.relative_to(ROOT)}:{number}", key


def names(kind: str) -> set[str]:
    """Return what the program calls its models, losses, metrics ..."""
    match kind:
        case "model":
            return set(MODELS)
        case "loss":
            return set(LOSSES)
        case "metric":
            return set(METRICS)
        case "baseline":
            return set(BASELINES)
        case "encoder":
            return set(ENCODERS)
        case "transform":
            return set(TRANSFORMS)
        case _:
            return set(SOURCES)


def sources(kind: str) -> dict[str, list[str]]:
    """Return the keys of each name of a kind, from the table of the page."""
    rows = re.findall(rf"^\| {kind} \| `(\S+)` \| (.*) \|$", REFERENCES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: CITATION.findall(keys) for name, keys in rows}


def test_every_cited_key_has_an_entry():
    known = entries()
    missing = [f"{place}: [{key}]" for place, key in cited() if key not in known]
    assert not missing, "\n".join(missing)


def test_the_package_cites_its_sources():
    assert {key for place, key in cited() if place.startswith("embrec/")} >= {"semikin2019", "hidasi2018", "kang2018"}


def test_an_entry_names_authors_title_and_year_and_says_what_follows_it():
    for key, text in entries().items():
        citation, _, use = text.strip().partition("\n\n")
        assert re.match(r"[^*]+\. \*[^*]+\*", citation.replace("\n", " ")), key
        assert re.search(r"\b(19|20)\d\d\b", citation), key
        assert use.startswith("In EmbRec: "), key


def test_no_key_stands_twice():
    keys = re.findall(rf"^### ({KEY})$", REFERENCES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("kind", ["model", "loss", "metric", "baseline", "encoder", "transform", "data"])
def test_everything_that_has_a_name_has_a_source(kind):
    named = sources(kind)
    assert set(named) == names(kind) - WITHOUT_SOURCE.get(kind, set())
    for name, keys in named.items():
        assert keys, name
        assert set(keys) <= set(entries()), name


@pytest.mark.parametrize("pattern", [r"\bet al\b", r"\bspec \d", r"[A-Z][a-z]+ and [A-Z][a-z]+,? \(?(19|20)\d\d"])
def test_sources_are_cited_by_key_alone(pattern):
    files = [path for suffix in ("py", "yaml") for path in ROOT.glob(f"embrec/**/*.{suffix}")]
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(pattern, line)
    ]
    assert not found, "\n".join(found)
