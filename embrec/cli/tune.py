"""The commands `embrec tune` and `embrec tune show`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embrec.cli.completion import complete_search
from embrec.cli.help import Command, HelpGroup, examples
from embrec.cli.options import Workspace, with_options
from embrec.cli.places import open_search, open_workspace
from embrec.cli.printing import command_line, print_leaks, print_notes, print_tables, split_command
from embrec.cli.search_options import (
    FinalOptions,
    ResourceOptions,
    SearchedData,
    SearchOptions,
    refuse_with_resume,
)
from embrec.cli.training_options import ModelOptions

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
@with_options(SearchedData, ModelOptions, SearchOptions, FinalOptions, ResourceOptions)
def tune(
    context: typer.Context,
    data: SearchedData,
    model: ModelOptions,
    split: Annotated[
        str | None, typer.Option("--split", help="Split, as in embrec train (default: leave-one-out).")
    ] = None,
    *,
    search: SearchOptions,
    final: FinalOptions,
    resources: ResourceOptions,
) -> None:
    """Search the settings of a model, then train the best ones with several seeds and test them once.

    An interrupted search continues when the command is repeated, or with --resume NAME. Its trials: embrec tune show NAME.
    """
    if context.invoked_subcommand is not None:
        return
    from embrec.tuning.plan import resumed_search

    usable = resources.resources()
    if search.resume is not None:
        final.read_seeds()
        refuse_with_resume(context)
        changes = {"samples": search.samples, **final.changes()}
        place = open_workspace(data.workspace)
        plans = [resumed_search(search.resume, place, changes, space=search.space, device=resources.device)]
    else:
        options = model.wishes() | {"training.device": resources.device}
        plans = _plans(data, model, options, split, {**search.plan(), **final.plan()})
    print_notes([*usable.notes(), *([] if search.resume or search.no_start else _without_defaults(plans))])
    _search(plans, usable)


def _plans(
    data: SearchedData, model: ModelOptions, options: dict[str, Any], split: str | None, search: dict[str, Any]
) -> "list[SearchPlan]":
    """Return the search of each category; feature tables are built where there are none."""
    from embrec.cli.console import print_note, progress_bars
    from embrec.data.splits import parse_split
    from embrec.tuning.plan import plan_search

    parts = parse_split(split or "leave-one-out")
    categories = data.open()
    with progress_bars(quiet=True) as progress:
        return [
            plan_search(
                category,
                features=model.features or [],
                options=options,
                settings=model.setting or [],
                preset=model.preset,
                split=parts,
                on_choice=print_note,
                progress=progress,
                **search,
            )
            for category in categories
        ]


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
    from embrec.cli.console import print_text
    from embrec.comparisons.search_tables import settings_table, test_table
    from embrec.errors import RunError
    from embrec.tuning.categories import check_each, search_each

    if len(plans) > 1:
        check_each(plans)
    searches = {plan.category.name: partial(_one, plan, resources) for plan in plans}
    found, failures = search_each(searches)
    if found:
        print_tables(table for table in (test_table(found), settings_table(found)) if table.rows)
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
    from embrec.cli.console import print_note
    from embrec.cli.search_screen import search_screen
    from embrec.data.splits import split_text
    from embrec.runs.folder import known_findings
    from embrec.tuning.search import tune as run_search

    where = split_command(plan.category, split_text(plan.config.base.split))
    with search_screen(f"{plan.category.name}/{plan.name}") as screen:
        result = run_search(
            plan.category,
            plan.config,
            plan.name,
            resources=resources,
            on_change=screen.on_change,
            on_leaks=partial(print_leaks, known_findings(plan.category), where),
            progress=screen.progress,
        )
        if result.runs is not None:
            _write_page(result, screen.progress)
    print_note(f"search: {result.folder.path}")
    if result.folder.report.is_file():
        print_note(f"report: {result.folder.report}")
    return result


def _write_page(result: "SearchResult", progress: Any) -> None:
    """Write the page of the best models and their search, where what draws pages is installed."""
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
        print_notes([f"no report: {error}"])


@app.command(cls=Command, epilog=examples("embrec tune show office/tuned-content-tfidf-bpr-max --top 20"))
def show(
    name: Annotated[str, typer.Argument(help="Name of a search, or category/search.", autocompletion=complete_search)],
    top: Annotated[int, typer.Option(min=1, help="Number of trials in the table.")] = 10,
    output: Annotated[Path | None, typer.Option(help="JSON file to write all of it to as well.")] = None,
    workspace: Workspace = None,
) -> None:
    """Show the results of a search so far: its trials, the best value after each, and the importance of settings."""
    from embrec.cli.console import print_note, print_text
    from embrec.comparisons.search_tables import SearchProgress
    from embrec.files import check_output, write_json

    if output is not None:
        check_output(output, (".json",))
    found = SearchProgress(open_search(name, workspace))
    print_tables(found.tables(top))
    for line in found.notes():
        print_text(line)
    if output is not None:
        write_json(output, found.as_dict())
        print_note(f"search: {output}")
