"""`embrec train` and `embrec evaluate`: parse, call one function, print."""

from functools import partial
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
    complete_run,
    print_leaks,
    split_command,
)

if TYPE_CHECKING:
    from embrec.evaluation.evaluator import Evaluation
    from embrec.progress import Progress
    from embrec.runs.folder import RunFolder
    from embrec.runs.pipeline import TrainingResult
    from embrec.runs.seeds import SeedsResult
    from embrec.runs.with_baselines import Beside


def train(
    category: Category = None,
    model: Annotated[str | None, typer.Option("--model", help="{model.kinds} (default: {model.kind}).")] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(
            "--features",
            help="Feature table by encoder name; may be repeated (default: all there for the split; built where none is).",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="What an item is: content, id, or hybrid (content + a residual of identity; default: {model.sources})."
        ),
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="Name of the run (default: what it is made of).")] = None,
    preset: Preset = None,
    split: Split = "leave-one-out",
    loss: Annotated[
        str | None,
        typer.Option(
            help="{training.losses}; its parameters by --set training.loss.NAME=VALUE (default: {training.loss})."
        ),
    ] = None,
    negatives: Annotated[
        str | None,
        typer.Option(
            help="all, or how many are drawn at each step; more by --set training.negatives.NAME=VALUE "
            "(default: {training.negatives})."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs at most (default: {training.epochs}).")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Histories a step (default: {training.batch_size}).")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of the optimiser (default: {training.learning_rate}).")
    ] = None,
    cell: Annotated[
        str | None, typer.Option(help="GRU cell: published (the paper's) or fast (torch's; default: {model.cell}).")
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(help="Share of the sequence model's outputs dropped in training (default: {model.dropout})."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of weights, batches and dropout (default: {training.seed}).")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="A run a seed, such as 0,1,2: RUN-s0, RUN-s1 ..., and their mean.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N (default: {training.device}).")] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that share each batch, a processor or GPU each, through Ray (default: {training.workers})."
        ),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Of a running Ray cluster that trains (default: the workers are started here).")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Any other setting, such as model.dim=256; may be repeated (all of them: embrec settings)."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Start over where the run exists.")] = False,
    workspace: Workspace = None,
) -> None:
    """Train a model on a category; a killed training goes on when the command is repeated.

    Defaults are those without a preset. A training stops early where validation does not get better.
    """
    from embrec.workspace import Workspace as Workspaces
    from embrec.workspace import check_name

    folder = Workspaces.locate(workspace).choose(category)  # before torch is loaded, which takes seconds
    if run is not None:
        check_name("run", run)
    from embrec.cli.console import print_note, progress_bars
    from embrec.data.splits import parse_split
    from embrec.errors import ConfigError
    from embrec.runs.folder import findings_told
    from embrec.runs.pipeline import train as train_model
    from embrec.runs.planning import complete_config, default_name
    from embrec.runs.seeds import parse_seeds, train_seeds

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
    parts = parse_split(split)
    with progress_bars() as progress:
        config = complete_config(
            folder, split=parts, preset=preset, options=options, settings=setting or [], on_choice=print_note,
            progress=progress,
        )  # fmt: skip
        name = run or default_name(folder, config, chosen, force=force)
        tell = partial(print_leaks, findings_told(folder), split_command(folder, split))
        if chosen:
            several = train_seeds(
                folder, config, chosen, name, force=force, address=address, on_leaks=tell, progress=progress
            )
            beside = _beside(name, [one.run for one in several.runs.values()], progress)
        else:
            result = train_model(folder, config, name, force=force, address=address, on_leaks=tell, progress=progress)
            beside = _beside(name, [result.run], progress)
    if chosen:
        _print_seeds(f"{folder.name}/{name}", several, beside)
    else:
        _print_run(f"{folder.name}/{name}", result, beside)


def _beside(name: str, runs: "list[RunFolder]", progress: "Progress") -> "Beside | None":
    """Rank baselines beside finished runs of one model; what hinders that is no reason to keep its figures back."""
    from embrec.cli.console import notes
    from embrec.errors import EmbrecError
    from embrec.runs.with_baselines import beside_baselines

    try:
        return beside_baselines({name: runs}, progress=progress)
    except EmbrecError as error:
        notes().print(f"note: no baselines beside it: {error}", markup=False)
        return None


def _print_beside(beside: "Beside | None") -> None:
    """Print what a table with baselines comes to, and what must be said of its figures."""
    from embrec.cli.console import notes, print_text

    if beside is None:
        return
    for line in beside.lines:
        print_text(line)
    for warning in beside.warnings:
        print_text(f"warning: {warning}")
    for note in beside.notes:
        notes().print(f"note: {note}", markup=False)


def _print_run(name: str, result: "TrainingResult", beside: "Beside | None") -> None:
    from embrec.cli.console import notes, print_table

    if result.reused:
        notes().print(f"run {name} is finished already; nothing was done (--force starts over)")
    config = result.run.config()
    evaluation = config.evaluation
    names = evaluation.metrics if beside is None else beside.metrics
    epochs, best = result.metrics["epochs"], result.metrics["best epoch"]
    kept = f"best of {epochs} epochs: {best}" if config.training.validates else f"after {epochs} epochs"
    rows: list[list[object]] = [
        [result.run.name, label, values["targets"], *[values[name] for name in names]]
        for label, values in result.metrics["test"].items()
        if values["targets"]
    ]
    if beside is not None:
        rows += _rows({name: beside.evaluations[name][0] for name in beside.baselines}, names)
    print_table(
        f"{name}, test targets, seen items: {evaluation.seen}, {kept}",
        ["model", "targets on", "targets", *names],
        rows,
    )
    _print_beside(beside)
    notes().print(f"run: {result.run.path}")


def _print_seeds(name: str, result: "SeedsResult", beside: "Beside | None") -> None:
    from embrec.cli.console import notes, print_table

    evaluation = next(iter(result.runs.values())).run.config().evaluation
    names = evaluation.metrics if beside is None else beside.metrics
    means = [result.mean(metric) for metric in names]
    rows: list[list[object]] = [
        [str(seed), one.metrics["best epoch"], *[one.metrics["test"]["all"][metric] for metric in names]]
        for seed, one in result.runs.items()
    ]
    rows.append(["mean", "", *[mean.mean for mean in means]])
    if len(result.runs) > 1:
        rows.append(["±, 95 %", "", *[mean.half_width for mean in means]])
    if beside is not None:
        of_all = {name: beside.evaluations[name][0].metrics(names)["all"] for name in beside.baselines}
        rows += [[name, "", *[values[metric] for metric in names]] for name, values in of_all.items()]
    print_table(
        f"{name}, all test targets, seen items: {evaluation.seen}, a run a seed; "
        "± is half the 95 % confidence interval of the mean over seeds (t distribution)",
        ["seed", "best epoch", *names],
        rows,
    )
    _print_beside(beside)
    reused = [one.run.name for one in result.runs.values() if one.reused]
    if reused:
        notes().print(f"finished already: {', '.join(reused)} (--force starts over)")
    notes().print(f"runs: {', '.join(str(one.run.path) for one in result.runs.values())}")


def evaluate(
    runs: Annotated[
        list[str],
        typer.Argument(help="Runs of one category: names, category/run, or folders.", autocompletion=complete_run),
    ],
    baseline: Baselines = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="{evaluation.known}; may be repeated (default: the run's)."),
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
    from embrec.files import check_output, write_json
    from embrec.runs.evaluate import protocol
    from embrec.runs.folder import locate_run
    from embrec.runs.with_baselines import beside_baselines
    from embrec.workspace import Workspace as Workspaces

    if output is not None:
        check_output(output, (".json",))
    folders = [locate_run(run, Workspaces.locate(workspace)) for run in runs]
    config = protocol(folders[0], metrics=metric, seen=seen, ties=ties, candidates=candidates)
    with progress_bars() as progress:
        beside = beside_baselines(
            {folder.name: [folder] for folder in folders}, baseline, config, other_log=other_log, progress=progress
        )
    evaluations = {name: seeds[0] for name, seeds in beside.evaluations.items()}
    print_table(
        f"{folders[0].category.name}, test targets {config.words()}",
        ["model", "targets on", "targets", *beside.metrics],
        _rows(evaluations, beside.metrics),
    )
    _print_beside(beside)
    if output is not None:
        write_json(output, {name: result.metrics(config.metrics) for name, result in evaluations.items()})
        notes().print(f"metrics: {output}")


def _rows(evaluations: "dict[str, Evaluation]", metrics: tuple[str, ...]) -> list[list[object]]:
    from embrec.evaluation.evaluator import summary

    return [
        [model, label, values["targets"], *[values[name] for name in metrics]]
        for model, label, values in summary(evaluations, metrics)
    ]
