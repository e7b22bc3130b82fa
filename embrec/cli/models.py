"""The commands `embrec train` and `embrec evaluate`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embrec.cli.completion import complete_run
from embrec.cli.options import Baselines, Data, ProtocolOptions, Split, Workspace, metric_option, with_options
from embrec.cli.places import open_runs
from embrec.cli.printing import print_leaks, print_notes, print_warnings, split_command
from embrec.cli.training_options import ModelOptions, TrainingOptions

if TYPE_CHECKING:
    from embrec.evaluation.evaluator import Evaluation
    from embrec.progress import Progress
    from embrec.runs.folder import RunFolder
    from embrec.runs.pipeline import TrainingResult
    from embrec.runs.seeds import SeedsResult
    from embrec.runs.with_baselines import ModelsAndBaselines


@with_options(Data, ModelOptions, TrainingOptions)
def train(
    data: Data,
    model: ModelOptions,
    run: Annotated[
        str | None,
        typer.Option(
            "--run", help="Name of the run (default: its item source, features and what else is not a default)."
        ),
    ] = None,
    split: Split = "leave-one-out",
    *,
    training: TrainingOptions,
    force: Annotated[bool, typer.Option("--force", help="Start over where the run exists.")] = False,
) -> None:
    """Train a model on a category; a killed training continues when the command is repeated.

    Defaults are those without a preset. Training stops early when validation does not improve.
    """
    from embrec.workspace import check_name

    folder = data.open()  # before torch is loaded, which takes seconds
    if run is not None:
        check_name("run", run)
    from embrec.cli.console import print_note, progress_bars
    from embrec.data.splits import parse_split
    from embrec.runs.folder import known_findings
    from embrec.runs.pipeline import train as train_model
    from embrec.runs.planning import complete_config, default_name
    from embrec.runs.seeds import train_seeds

    seeds = training.each_seed()
    options = model.wishes() | {"model.features": model.features} | training.wishes()
    parts = parse_split(split)
    with progress_bars() as progress:
        config = complete_config(
            folder,
            split=parts,
            preset=model.preset,
            options=options,
            settings=model.setting or [],
            on_choice=print_note,
            progress=progress,
        )
        name = run or default_name(folder, config, seeds, force=force)
        tell = partial(print_leaks, known_findings(folder), split_command(folder, split))
        execution: dict[str, Any] = {
            "force": force,
            "address": training.address,
            "on_leaks": tell,
            "progress": progress,
        }
        if seeds:
            several = train_seeds(folder, config, seeds, name, **execution)
            beside = _beside(name, [one.run for one in several.runs.values()], progress)
        else:
            result = train_model(folder, config, name, **execution)
            beside = _beside(name, [result.run], progress)
    if seeds:
        _print_seeds(f"{folder.name}/{name}", several, beside)
    else:
        _print_run(f"{folder.name}/{name}", result, beside)


def _beside(name: str, runs: "list[RunFolder]", progress: "Progress") -> "ModelsAndBaselines | None":
    """Rank baselines beside finished runs of one model; what hinders that is no reason to keep its figures back."""
    from embrec.errors import EmbrecError
    from embrec.runs.with_baselines import evaluate_with_baselines

    try:
        return evaluate_with_baselines({name: runs}, progress=progress)
    except EmbrecError as error:
        print_notes([f"no baselines beside it: {error}"])
        return None


def _print_beside(beside: "ModelsAndBaselines | None") -> None:
    """Print the verdict on a model beside baselines, with the warnings and notes on its figures."""
    from embrec.cli.console import print_text

    if beside is None:
        return
    for line in beside.lines:
        print_text(line)
    print_warnings(beside.warnings)
    print_notes(beside.notes)


def _print_run(name: str, result: "TrainingResult", beside: "ModelsAndBaselines | None") -> None:
    from embrec.cli.console import print_note, print_table

    if result.reused:
        print_note(f"run {name} is finished already; nothing was done (--force starts over)")
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
    print_note(f"run: {result.run.path}")


def _print_seeds(name: str, result: "SeedsResult", beside: "ModelsAndBaselines | None") -> None:
    from embrec.cli.console import print_note, print_table

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
        f"{name}, all test targets, seen items: {evaluation.seen}, one run per seed; "
        "± is half the 95 % confidence interval of the mean over seeds (t distribution)",
        ["seed", "best epoch", *names],
        rows,
    )
    _print_beside(beside)
    reused = [one.run.name for one in result.runs.values() if one.reused]
    if reused:
        print_note(f"finished already: {', '.join(reused)} (--force starts over)")
    print_note(f"runs: {', '.join(str(one.run.path) for one in result.runs.values())}")


@with_options(ProtocolOptions)
def evaluate(
    runs: Annotated[
        list[str],
        typer.Argument(help="Runs of one category: names, category/run, or folders.", autocompletion=complete_run),
    ],
    baseline: Baselines = None,
    metric: Annotated[
        list[str] | None,
        metric_option("{evaluation.known}; may be repeated (default: the run's)."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="JSON file to write the metrics to as well.")] = None,
    *,
    protocol: ProtocolOptions,
    workspace: Workspace = None,
) -> None:
    """Rank the test targets: every run and baseline under one protocol. With intervals and tests: embrec compare runs."""
    from embrec.cli.console import print_note, print_table, progress_bars
    from embrec.files import check_output, write_json
    from embrec.runs.with_baselines import evaluate_with_baselines

    if output is not None:
        check_output(output, (".json",))
    folders = open_runs(runs, workspace)
    config = protocol.of(folders[0], metric)
    with progress_bars() as progress:
        beside = evaluate_with_baselines(
            {folder.name: [folder] for folder in folders},
            baseline,
            config,
            other_log=protocol.other_log,
            progress=progress,
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
        print_note(f"metrics: {output}")


def _rows(evaluations: "dict[str, Evaluation]", metrics: tuple[str, ...]) -> list[list[object]]:
    from embrec.evaluation.evaluator import summary

    return [
        [model, label, values["targets"], *[values[name] for name in metrics]]
        for model, label, values in summary(evaluations, metrics)
    ]
