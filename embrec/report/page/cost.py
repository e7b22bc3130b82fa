"""The section on cost: time, memory and settings of each run, versions and machine."""

from collections.abc import Mapping
from typing import Any

from embrec.features.encoder import name_in_stem
from embrec.progress import duration
from embrec.report.page.context import PageContext, Run
from embrec.report.page.html_parts import NONE, Cell, HtmlTable, Section, cells, count

_MEMORY = "peak memory MB"


def cost_section(context: PageContext, circumstances: Mapping[str, Any]) -> Section:
    """Return the section.

    Args:
        context: the runs with data and evaluations.
        circumstances: machine and versions, see `embrec.comparisons.provenance.circumstances`.
    """
    has_memory = any(_MEMORY in run.metrics for run in context.runs)  # runs of earlier versions did not record it
    width = None if has_memory else -1
    return Section(
        "cost",
        "Cost and circumstances",
        "cost.html.j2",
        {
            "table": HtmlTable(
                "What each run took",
                ("run", "parameters", "weights", "epochs", "training", "an epoch", "test", "memory")[:width],
                [_row(run)[:width] for run in context.runs],
            ),
            "has_memory": has_memory,
            "settings": HtmlTable(
                "How each run was made",
                ("run", "model", "items", "features", "loss", "optimiser", "learning rate", "batch", "seed"),
                [_settings(run) for run in context.runs],
                frozenset({1, 2, 3, 4, 5}),
            ),
            "versions": _versions(context, circumstances),
            "machine": list(circumstances.get("machine", {}).items()),
        },
    )


def _row(run: Run) -> tuple[Cell, ...]:
    metrics = run.metrics
    seconds = metrics.get("seconds", {})
    training, test = seconds.get("training and validation"), seconds.get("test")
    size = run.folder.weights.stat().st_size if run.folder.weights.is_file() else None
    memory = metrics.get(_MEMORY)
    return (
        Cell(run.name, key=run.name),
        Cell(count(metrics["parameters"])),
        Cell(NONE if size is None else f"{size / 1e6:,.1f} MB"),
        Cell(str(metrics["epochs"])),
        Cell(NONE if training is None else duration(training)),
        Cell(NONE if training is None else duration(training / max(1, metrics["epochs"]))),
        Cell(NONE if test is None else duration(test)),
        Cell(NONE if memory is None else f"{memory:,.0f} MB"),
    )


def _settings(run: Run) -> tuple[Cell, ...]:
    model, training = run.config.model, run.config.training
    return (
        Cell(run.name, key=run.name),
        Cell(model.kind, f"{model.dim} dims, histories of {model.max_length}"),
        Cell(model.source),
        Cell(", ".join(name_in_stem(stem) for stem in model.features) or NONE),
        Cell(training.loss.name, f"negatives: {training.negatives.count}"),
        Cell(training.optimizer),
        Cell(f"{training.learning_rate:g}"),
        Cell(str(training.batch_size)),
        Cell(str(training.seed)),
    )


def _versions(context: PageContext, circumstances: Mapping[str, Any]) -> HtmlTable:
    now: Mapping[str, str] = circumstances.get("versions", {})
    then = [run.metrics.get("versions", {}) for run in context.runs]
    names = list(dict.fromkeys([*(name for one in then for name in one), *now]))
    rows = [cells([name, *(one.get(name, NONE) for one in then), now.get(name, NONE)]) for name in names]
    columns = ("package", *(f"training {run.name}" for run in context.runs), "this report")
    return HtmlTable("Versions", columns, rows)
