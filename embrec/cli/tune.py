"""`embrec tune`: parse, call one function, print."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embrec.cli.help import Command, HelpGroup, examples
from embrec.cli.options import (
    Preset,
    Workspace,
    command_line,
    complete_category,
    complete_search,
    print_leaks,
    split_command,
)

if TYPE_CHECKING:
    from embrec.tuning.plan import SearchPlan
    from embrec.tuning.resources import Resources
    from embrec.tuning.search import SearchResult

app = typer.Typer(
    cls=HelpGroup,
    epilog=examples(
        "embrec tune --loss bpr-max",
        "embrec tune --model gru4rec --space gru4rec-embrec --samples 100",
        "embrec tune show office/tuned-content-tfidf-bpr-max",
        "embrec tune --resume office/tuned-content-tfidf-bpr-max --samples 80",
    ),
    help="Search the settings of a model with HyperOpt and ASHA on Ray Tune; train and test the best ones.",
)


@app.callback(invoke_without_command=True)
def tune(
    context: typer.Context,
    category: Annotated[
        list[str] | None,
        typer.Option(
            "--category",
            help="A prepared data set; may be repeated (default: the only one).",
            autocompletion=complete_category,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="One search for each category of the workspace.")] = False,
    model: Annotated[str | None, typer.Option("--model", help="{model.kinds} (default: {model.kind}).")] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(
            "--features",
            help="Feature table by encoder name; may be repeated (default: choose among all; built where none is).",
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="What an item is: content, id, or hybrid (content + a residual of identity).")
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            help="As embrec train has it: cross-entropy, bpr, bpr-max, cosine ... (default: {training.loss})."
        ),
    ] = None,
    negatives: Annotated[
        str | None, typer.Option(help="all, or how many are drawn at each step (default: {training.negatives}).")
    ] = None,
    preset: Preset = None,
    split: Annotated[
        str | None, typer.Option("--split", help="As embrec train has it (default: leave-one-out).")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any setting that all trials share, such as model.dim=256.")
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="What is searched: default (what suits model and loss), a YAML file, or a published space: "
            "embrec-cross-entropy, embrec-bpr, embrec-bpr-max, embrec-cosine, gru4rec-embrec (each brings its preset)."
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help="Validation metric that is made best: hr@K, ndcg@K, auc ... (default: {training.select_by})."
        ),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="Trials in all (default: those of the space, else {search.samples}).")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of a trial at most (default: those of the space, else {training.epochs})."),
    ] = None,
    grace: Annotated[int | None, typer.Option(help="Epochs that each trial has at least (default: 3).")] = None,
    reduction: Annotated[
        float | None,
        typer.Option(help="Of so many trials one goes on, for so many times the epochs (default: {search.reduction})."),
    ] = None,
    no_stop: Annotated[bool, typer.Option("--no-stop", help="Run every trial to its end.")] = False,
    algorithm: Annotated[str | None, typer.Option(help="tpe (HyperOpt's, default) or random.")] = None,
    no_start: Annotated[
        bool, typer.Option("--no-start", help="Begin by chance, not with the defaults and published settings.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Of the proposals (default: 0).")] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Of the models trained with the best settings in the end, or none (default: 0,1,2)."),
    ] = None,
    final_epochs: Annotated[
        int | None, typer.Option(help="Epochs of those models at most (default: those of a trial).")
    ] = None,
    final_on: Annotated[
        str | None,
        typer.Option(
            help="What they learn from: train (default), or train+validation, for the best trial's best epochs."
        ),
    ] = None,
    concurrent: Annotated[
        int | None, typer.Option(help="Trials at once (default: as many as there are processors or GPUs).")
    ] = None,
    threads: Annotated[int, typer.Option(help="Processors of each trial.")] = 1,
    per_gpu: Annotated[int, typer.Option(help="Trials that share a GPU.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    address: Annotated[
        str | None, typer.Option(help="Of a running Ray cluster (default: one is started here).")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Of the search and its runs (default: tuned- and what the model is made of).")
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(help="Go on with a search by its name, as it was begun; a greater --samples adds trials."),
    ] = None,
    workspace: Workspace = None,
) -> None:
    """Search the settings of a model, then train the best ones with several seeds and test them once.

    An interrupted search goes on when the command is repeated, or with --resume NAME. What it found: embrec tune show NAME.
    """
    if context.invoked_subcommand is not None:
        return
    from embrec.cli.console import notes, print_note, progress_bars
    from embrec.data.splits import parse_split
    from embrec.runs.seeds import parse_seeds
    from embrec.tuning.plan import plan_search, refuse_with_resume, resumed_search
    from embrec.tuning.resources import Resources
    from embrec.workspace import Workspace as Workspaces

    place = Workspaces.locate(workspace)
    resources = Resources(concurrent, threads, per_gpu, device, address)
    resources.check_here()
    chosen = None if seeds is None else () if seeds == "none" else tuple(parse_seeds(seeds))
    if resume is not None:
        refuse_with_resume(context.params)
        changes = {"samples": samples, "seeds": chosen, "final_epochs": final_epochs, "final_on": final_on}
        plans = [resumed_search(resume, place, changes, space=space, device=device)]
    else:
        options = {
            "model.kind": model,
            "model.source": source,
            "training.loss": loss,
            "training.negatives.count": int(negatives)
            if negatives is not None and negatives.isdecimal()
            else negatives,
            "training.device": device,
        }
        parts = parse_split(split or "leave-one-out")
        categories = place.choose_several(category or [], every=every)
        with progress_bars(quiet=True) as progress:
            plans = [plan_search(
                one, features=features or [], options=options, settings=setting or [], preset=preset,
                split=parts, space=space or "default", name=name, objective=objective,
                samples=samples, epochs=epochs, grace=grace, reduction=reduction, halving=not no_stop,
                algorithm=algorithm or "tpe", warm=not no_start, seed=seed or 0,
                seeds=(0, 1, 2) if chosen is None else chosen, final_epochs=final_epochs,
                final_on=final_on or "train", on_choice=print_note, progress=progress,
            ) for one in categories]  # fmt: skip
    for note in [*resources.notes(), *([] if resume or no_start else _without_defaults(plans))]:
        notes().print(f"note: {note}", markup=False)
    _search(plans, resources)


def _without_defaults(plans: "list[SearchPlan]") -> list[str]:
    """Say which searches do not try the configuration as it is: their best trial is compared with nothing."""
    whys = {f"{plan.category.name}/{plan.name}": plan.config.why_not_the_base() for plan in plans}
    return [
        f"{name} does not try the settings that it would have without a search: {why}"
        for name, why in whys.items()
        if why
    ]


def _search(plans: "list[SearchPlan]", resources: "Resources") -> None:
    """Run the searches one after the other, and print what they found."""
    from embrec.cli.console import print_table, print_text
    from embrec.comparisons.search_tables import settings_table, test_table
    from embrec.errors import RunError
    from embrec.tuning.categories import check_each, search_each

    if len(plans) > 1:
        check_each(plans)
    searches = {plan.category.name: partial(_one, plan, resources) for plan in plans}
    found, failures = search_each(searches)
    if found:
        for table in (test_table(found), settings_table(found)):
            if table.rows:
                print_table(table.title, table.columns, table.rows)
        for category, one in found.items():
            for line in one.lines:
                print_text(f"{category}: {line}" if len(found) > 1 else line)
        if any(one.best for one in found.values()):
            print_text(
                "Test targets, ranked once with the models of the best validation value; ± is half the 95 % confidence "
                "interval of the mean over seeds."
            )
    if failures and len(plans) == 1:
        raise next(iter(failures.values()))
    if failures:
        raise RunError("; ".join(f"{category}: {error}" for category, error in failures.items()))


def _one(plan: "SearchPlan", resources: "Resources") -> "SearchResult":
    """Run one search on the screen, and write its page."""
    from embrec.cli.console import notes
    from embrec.cli.search_screen import search_screen
    from embrec.data.splits import split_text
    from embrec.runs.folder import findings_told
    from embrec.tuning.search import tune as run_search

    where = split_command(plan.category, split_text(plan.config.base.split))
    with search_screen(f"{plan.category.name}/{plan.name}") as screen:
        result = run_search(
            plan.category,
            plan.config,
            plan.name,
            resources=resources,
            on_change=screen.on_change,
            on_leaks=partial(print_leaks, findings_told(plan.category), where),
            progress=screen.progress,
        )
        if result.runs is not None:
            _write_page(result, screen.progress)
    notes().print(f"search: {result.folder.path}", markup=False)
    if result.folder.report.is_file():
        notes().print(f"report: {result.folder.report}", markup=False)
    return result


def _write_page(result: "SearchResult", progress: Any) -> None:
    """Write the page of the best models and their search, where what draws pages is installed."""
    from embrec.cli.console import notes
    from embrec.errors import MissingExtraError
    from embrec.report.page.build import build_report

    assert result.runs is not None
    try:
        build_report(
            [one.run for one in result.runs.runs.values()],
            result.folder.report,
            command=command_line(),
            progress=progress,
        )
    except MissingExtraError as error:
        notes().print(f"note: no report: {error}", markup=False)


@app.command(cls=Command, epilog=examples("embrec tune show office/tuned-content-tfidf-bpr-max --top 20"))
def show(
    name: Annotated[str, typer.Argument(help="Of a search, or category/search.", autocompletion=complete_search)],
    top: Annotated[int, typer.Option(min=1, help="Trials in the table.")] = 10,
    output: Annotated[Path | None, typer.Option(help="Also write all of it to this JSON file.")] = None,
    workspace: Workspace = None,
) -> None:
    """Show what a search found, or has found so far: its trials, the best value after each, and which settings matter."""
    from embrec.cli.console import notes, print_table, print_text
    from embrec.comparisons.search_tables import SoFar
    from embrec.files import check_output, write_json
    from embrec.tuning.folder import locate_search
    from embrec.workspace import Workspace as Workspaces

    if output is not None:
        check_output(output, (".json",))
    found = SoFar(locate_search(name, Workspaces.locate(workspace)))
    for table in found.tables(top):
        print_table(table.title, table.columns, table.rows)
    for line in found.notes():
        print_text(line)
    if output is not None:
        write_json(output, found.as_dict())
        notes().print(f"search: {output}", markup=False)
