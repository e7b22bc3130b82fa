"""A run is read whole: files that are missing, or that belong to another run, are named in one line."""

import shutil
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from support.categories import toy_category
from support.tiny_models import GapScorer

import embrec
from embrec.data.catalog import Catalog
from embrec.data.store import Dataset, save_dataset
from embrec.errors import RunError
from embrec.models.config import ItemsConfig
from embrec.models.registry import MODELS, Registration, register
from embrec.runs.folder import RunFolder
from embrec.runs.model import load_model
from embrec.runs.presets import build_config


class GapsConfig(ItemsConfig):
    """Of a model that reads relations and attributes."""

    kind: Literal["gaps"] = "gaps"
    source: Literal["content", "id", "hybrid"] = "id"


def build(config: GapsConfig, inputs) -> GapScorer:
    return GapScorer(inputs)


def trained(category, name, *settings, **options):
    options = {"model.source": "id", "training.epochs": 1, "training.device": "cpu"} | options
    return embrec.train(category, build_config("toys", options=options, settings=settings), name).run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of two models, of two lengths of vectors, of content, and of a category with other items."""
    register(Registration("gaps", GapsConfig, build, "a model", frozenset({"relations", "attributes"})))
    category = toy_category(tmp_path_factory.mktemp("one"))
    shorter = toy_category(tmp_path_factory.mktemp("other"))
    dataset = embrec.load_dataset(shorter)
    frame = dataset.catalog.frame
    added = pl.concat([frame, frame.with_columns(item=pl.col("item") + "b")])
    items = Catalog(added, dataset.catalog.text_columns)
    save_dataset(shorter, Dataset(items, dataset.interactions))
    list(embrec.build_features(category, ["tfidf"]))
    gaps, drawn = {"model.kind": "gaps"}, "training.negatives=4"
    yield {
        "small": trained(category, "small", "model.dim=8", **{"model.kind": "gru4rec"}),
        "wide": trained(category, "wide", "model.dim=16", **{"model.kind": "gru4rec"}),
        "sasrec": trained(category, "sasrec", "model.dim=8", **{"model.kind": "sasrec"}),
        "content": trained(category, "content", **{"model.source": "content", "model.features": ["tfidf"]}),
        "gaps": trained(category, "gaps", drawn, **gaps),
        "other gaps": trained(shorter, "gaps", drawn, **gaps),
    }
    MODELS.unregister("gaps")


@pytest.mark.parametrize(
    ("one", "other", "file"),
    [
        ("small", "wide", "model.safetensors"),
        ("small", "sasrec", "model.safetensors"),
        ("small", "wide", "items.safetensors"),
        ("small", "content", "items.safetensors"),
        ("content", "small", "items.safetensors"),
        ("gaps", "other gaps", "items.safetensors"),
        ("gaps", "other gaps", "inputs.safetensors"),
    ],
)
def test_a_file_of_another_run_is_refused(runs, tmp_path, one, other, file):
    mixed = RunFolder(tmp_path / "mixed")
    shutil.copytree(runs[one].path, mixed.path)
    shutil.copy(runs[other].path / file, mixed.path / file)
    with pytest.raises(RunError, match=f"{file} does not belong to run 'mixed'"):
        load_model(mixed)


@pytest.mark.parametrize("file", ["config.yaml", "catalog.parquet"])
def test_a_configuration_or_a_catalog_of_another_run_is_refused(runs, tmp_path, file):
    one, other = ("small", "wide") if file == "config.yaml" else ("gaps", "other gaps")
    mixed = RunFolder(tmp_path / "mixed")
    shutil.copytree(runs[one].path, mixed.path)
    shutil.copy(runs[other].path / file, mixed.path / file)
    with pytest.raises(RunError, match="does not belong to run 'mixed': its other files are of another training"):
        embrec.Recommender.load(Path(mixed.path))


def test_a_run_without_what_its_model_reads_is_refused(runs, tmp_path):
    partial = RunFolder(tmp_path / "partial")
    shutil.copytree(runs["gaps"].path, partial.path)
    partial.inputs.unlink()
    with pytest.raises(RunError, match=r"lacks what the model of run 'partial' reads \(relations, attributes\)"):
        load_model(partial)


def test_what_a_run_keeps_for_its_model_is_checked_against_its_hash(runs, tmp_path):
    changed = RunFolder(tmp_path / "changed")
    shutil.copytree(runs["gaps"].path, changed.path)
    with safe_open(changed.inputs, framework="pt") as file:
        about = file.metadata()
    tensors = load_file(changed.inputs)
    tensors["attribute.categories"] += 1
    save_file(tensors, changed.inputs, about)
    with pytest.raises(RunError, match=r"inputs\.safetensors is not what the run was trained with"):
        load_model(changed)
