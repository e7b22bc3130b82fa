"""`embrec train` and `embrec evaluate`: parse, call one function, print."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embrec.cli.options import (
    Baselines,
    Candidates,
    Category,
    OtherLog,
    Preset,
    Seen,
    Split,
    Ties,
    Workspace,
)

if TYPE_CHECKING:
    from embrec.evaluation.evaluator import Evaluation
    from embrec.evaluation.leaks import LeakReport
    from embrec.training.pipeline import TrainingResult
    from embrec.training.seeds import SeedsResult


def train(
    category: Category,
    model: Annotated[str | None, typer.Option("--model", help="embrec (default), sasrec or gru4rec.")] = None,
    features: Annotated[
        list[str] | None, typer.Option("--features", help="Feature table by encoder name; may be repeated.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="What an item is: content, id, or hybrid (content + a residual of identity).")
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="Name of the run (default: what it is made of).")] = None,
    preset: Preset = None,
    split: Split = "leave-one-out",
    loss: Annotated[
        str | None,
        typer.Option(
            help="cross-entropy, sampled-softmax, bpr, bpr-max, top1, top1-max, bce, gbce or cosine; its parameters by "
            "--set training.loss.NAME=VALUE."
        ),
    ] = None,
    negatives: Annotated[
        str | None,
        typer.Option(help="all, or how many are drawn at each step; more by --set training.negatives.NAME=VALUE."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs at most.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Histories a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of the optimiser.")] = None,
    cell: Annotated[str | None, typer.Option(help="GRU cell: published (the paper's) or fast (torch's).")] = None,
    dropout: Annotated[
        float | None, typer.Option(help="Share of the sequence model's outputs dropped in training.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, batches and dropout.")] = None,
    seeds: Annotated[
        str | None, typer.Option(help="A run a seed, such as 0,1,2: RUN-s0, RUN-s1 ..., and their mean.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that share each batch, a processor or GPU each, through Ray (default: 1)."),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Of a running Ray cluster that trains (default: the workers are started here).")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting, such as model.dim=256; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Start over where the run exists.")] = False,
    workspace: Workspace = None,
) -> None:
    """Train a model on a category; a killed training goes on when the command is repeated."""
    from embrec.cli.console import progress_bars
    from embrec.data.splits import parse_split
    from embrec.errors import ConfigError
    from embrec.training.pipeline import train as train_model
    from embrec.training.presets import build_config, run_name
    from embrec.training.seeds import parse_seeds, train_seeds
    from embrec.workspace import Workspace as Workspaces

    if seed is not None and seeds is not None:
        raise ConfigError("--seed is for one run and --seeds for several; give one of both")
    chosen = parse_seeds(seeds) if seeds is not None else []
    options: dict[str, Any] = {
        "model.kind": model,
        "model.source": source,
        "model.features": features,
        "model.cell": cell,
        "model.dropout": dropout,
        "training.loss": loss,
        "training.negatives.count": int(negatives) if negatives is not None and negatives.isdecimal() else negatives,
        "training.epochs": epochs,
        "training.batch_size": batch_size,
        "training.learning_rate": learning_rate,
        "training.seed": seed,
        "training.device": device,
        "training.workers": workers,
    }
    config = build_config(
        category,
        split=parse_split(split),
        preset=preset,
        options=options,
        settings=setting or [],
    )
    folder, name = Workspaces.locate(workspace).category(category), run or run_name(config)
    with progress_bars() as progress:
        if chosen:
            several = train_seeds(
                folder, config, chosen, name, force=force, address=address, on_leaks=_print_leaks, progress=progress
            )
        else:
            result = train_model(
                folder, config, name, force=force, address=address, on_leaks=_print_leaks, progress=progress
            )
    if chosen:
        _print_seeds(f"{category}/{name}", several)
    else:
        _print_run(f"{category}/{name}", result)


def _print_leaks(report: "LeakReport") -> None:
    from embrec.cli.console import notes

    for line in report.lines():
        notes().print(line, markup=False)


def _print_run(name: str, result: "TrainingResult") -> None:
    from embrec.cli.console import notes, print_table

    if result.reused:
        notes().print(f"run {name} is finished already; nothing was done (--force starts over)")
    config = result.run.config()
    evaluation = config.evaluation
    names = evaluation.metrics
    epochs, best = result.metrics["epochs"], result.metrics["best epoch"]
    kept = f"best of {epochs} epochs: {best}" if config.training.validates else f"after {epochs} epochs"
    print_table(
        f"{name}, test targets, seen items: {evaluation.seen}, {kept}",
        ["targets on", "targets", *names],
        [
            [label, values["targets"], *[values[name] for name in names]]
            for label, values in result.metrics["test"].items()
            if values["targets"]
        ],
    )
    notes().print(f"run: {result.run.path}")


def _print_seeds(name: str, result: "SeedsResult") -> None:
    from embrec.cli.console import notes, print_table

    evaluation = next(iter(result.runs.values())).run.config().evaluation
    names = evaluation.metrics
    means = [result.mean(metric) for metric in names]
    rows: list[list[object]] = [
        [str(seed), one.metrics["best epoch"], *[one.metrics["test"]["all"][metric] for metric in names]]
        for seed, one in result.runs.items()
    ]
    rows.append(["mean", "", *[mean.mean for mean in means]])
    if len(result.runs) > 1:
        rows.append(["±, 95 %", "", *[mean.half_width for mean in means]])
    print_table(
        f"{name}, all test targets, seen items: {evaluation.seen}, a run a seed; "
        "± is half the 95 % confidence interval of the mean over seeds (t distribution)",
        ["seed", "best epoch", *names],
        rows,
    )
    reused = [one.run.name for one in result.runs.values() if one.reused]
    if reused:
        notes().print(f"finished already: {', '.join(reused)} (--force starts over)")
    notes().print(f"runs: {', '.join(str(one.run.path) for one in result.runs.values())}")


def evaluate(
    runs: Annotated[list[str], typer.Argument(help="Runs of one category: names, category/run, or folders.")],
    baseline: Baselines = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="hr@K, recall@K, ndcg@K, mrr@K, auc, auc-strict, mrr, rank, accuracy; may be repeated (default: the run's)."
        ),
    ] = None,
    seen: Seen = None,
    ties: Ties = None,
    candidates: Candidates = None,
    output: Annotated[Path | None, typer.Option(help="Also write the metrics to this JSON file.")] = None,
    other_log: OtherLog = False,
    workspace: Workspace = None,
) -> None:
    """Rank the test targets: every run and baseline under one protocol. With intervals and tests: embrec compare runs."""
    from embrec.cli.console import notes, print_table, progress_bars
    from embrec.evaluation.belonging import common_ground
    from embrec.evaluation.evaluator import undefined_notes
    from embrec.evaluation.runs import evaluate_runs, protocol
    from embrec.files import write_json
    from embrec.training.run import locate_run
    from embrec.workspace import Workspace as Workspaces

    folders = [locate_run(run, Workspaces.locate(workspace)) for run in runs]
    config = protocol(folders[0], metrics=metric, seen=seen, ties=ties, candidates=candidates)
    with progress_bars() as progress:
        ground = common_ground(folders, other_log=other_log)
        evaluations = evaluate_runs(folders, baseline or [], config, progress, ground=ground)
    print_table(
        f"{folders[0].category.name}, test targets {config.words()}",
        ["model", "targets on", "targets", *config.metrics],
        _rows(evaluations, config.metrics),
    )
    for warning in (*ground.notes, *undefined_notes({name: [one] for name, one in evaluations.items()})):
        notes().print(f"warning: {warning}", markup=False)
    if output is not None:
        write_json(output, {name: result.metrics(config.metrics) for name, result in evaluations.items()})
        notes().print(f"metrics: {output}")


def _rows(evaluations: "dict[str, Evaluation]", metrics: tuple[str, ...]) -> list[list[object]]:
    from embrec.evaluation.evaluator import summary

    return [
        [model, label, values["targets"], *[values[name] for name in metrics]]
        for model, label, values in summary(evaluations, metrics)
    ]
