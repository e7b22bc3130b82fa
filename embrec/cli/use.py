"""`embrec recommend` and `embrec score`: parse, call one function, print."""

from pathlib import Path
from typing import Annotated

import typer

from embrec.cli.options import Workspace

_SHOWN = 4  # events of a history that are printed
_TITLE = 72  # characters of a title that are printed: some shops write whole advertisements there

RunArgument = Annotated[str, typer.Argument(help="Run: name, category/run, or folder.")]
Count = Annotated[int, typer.Option("--k", min=1, help="How many.")]
KeepSeen = Annotated[bool, typer.Option("--keep-seen", help="Also recommend items of the history.")]


def recommend(
    run: RunArgument,
    user: Annotated[
        list[str] | None, typer.Option("--user", help="A user of the run's category; may be repeated.")
    ] = None,
    history: Annotated[str | None, typer.Option(help="Or any history: item ids, oldest first, by commas.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Or this many users of the category, drawn evenly.")] = None,
    k: Count = 10,
    keep_seen: KeepSeen = False,
    json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON object an item.")] = False,
    workspace: Workspace = None,
) -> None:
    """Recommend the next items to users, or after any history."""
    import json

    from embrec.cli.console import answers, print_table, shorten
    from embrec.serving.recommender import Recommender
    from embrec.serving.requests import histories_of
    from embrec.training.run import locate_run
    from embrec.workspace import Workspace as Workspaces

    recommender = Recommender.load(locate_run(run, Workspaces.locate(workspace)))
    histories = histories_of(recommender, users=user, history=history, sample=sample)
    results = recommender.recommend(list(histories.values()), k, exclude_seen=not keep_seen)
    for (name, items), best in zip(histories.items(), results, strict=True):
        if json_lines:
            for place, item in enumerate(best, start=1):
                answers().print(
                    json.dumps({"for": name, "rank": place, **vars(item)}, ensure_ascii=False), markup=False
                )
            continue
        recent = items[-_SHOWN:]
        shown = [title or item for item, title in zip(recent, recommender.titles(recent), strict=True)]
        answers().print(f"\n{name}, {len(items)} events" + (", the last of them:" if shown else ""), markup=False)
        for title in shown:
            answers().print(f"  - {shorten(title, _TITLE)}", markup=False)
        print_table(
            "", ["rank", "item", "title", "score"],
            [[place, item.item, shorten(item.title, _TITLE), item.score] for place, item in enumerate(best, start=1)],
        )  # fmt: skip


def score(
    run: RunArgument,
    output: Annotated[Path, typer.Option(help="Parquet file to write.")],
    items: Annotated[
        Path | None, typer.Option(help="New items: CSV, TSV, JSONL or Parquet with the catalog's columns.")
    ] = None,
    by: Annotated[str, typer.Option(help="user: best items of each user; item: best users of each new item.")] = "user",
    k: Count = 10,
    keep_seen: KeepSeen = False,
    item_column: Annotated[str, typer.Option(help="Column of the new items' ids.")] = "item",
    image_column: Annotated[str | None, typer.Option(help="Image path, relative to the file's folder.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of images named <item>.jpg.")] = None,
    workspace: Workspace = None,
) -> None:
    """Score new items for every user of the run's category, without retraining."""
    from embrec.cli.console import notes, progress_bars
    from embrec.data.everyone import load_everyone
    from embrec.data.readers.table import read_items
    from embrec.serving.recommender import Recommender
    from embrec.serving.scoring import score_by, write_scores
    from embrec.training.run import locate_run
    from embrec.workspace import Workspace as Workspaces

    folder = locate_run(run, Workspaces.locate(workspace))
    recommender = Recommender.load(folder)
    with progress_bars() as progress:
        if items is not None:
            new_items = read_items(items, item_column=item_column, image_column=image_column, images=images)
            recommender = recommender.with_items(new_items, progress)
        scores = score_by(
            by, recommender, load_everyone(folder.category), k, exclude_seen=not keep_seen, progress=progress
        )
    write_scores(scores, output)
    added = len(recommender.catalog) - recommender.n_trained
    notes().print(
        f"{added:,} new items beside {recommender.n_trained:,} of the catalog; "
        f"{len(scores):,} rows, the best {k} for each {by}: {output}"
    )
