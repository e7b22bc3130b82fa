"""The commands `embrec recommend` and `embrec score`."""

from pathlib import Path
from typing import Annotated

import typer

from embrec.cli.options import RunArgument, Workspace
from embrec.cli.places import open_run
from embrec.cli.printing import print_notes

_SHOWN = 4  # events of a history that are printed
_TITLE = 72  # characters of a title that are printed: some shops write whole advertisements there

Count = Annotated[int, typer.Option("--k", "-k", min=1, help="Number of recommendations.")]
KeepSeen = Annotated[bool, typer.Option("--keep-seen", help="Also recommend items of the history.")]


def recommend(
    run: RunArgument,
    user: Annotated[
        list[str] | None, typer.Option("--user", help="User of the run's category; may be repeated.")
    ] = None,
    history: Annotated[
        str | None, typer.Option(help="Or any history: item ids with commas between them, oldest first.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Or a number of users of the category, drawn evenly.")
    ] = None,
    k: Count = 10,
    keep_seen: KeepSeen = False,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Print one JSON object an item: user (null for --history), rank, item, ...")
    ] = False,
    workspace: Workspace = None,
) -> None:
    """Recommend the next items to users, or after any history."""
    import json

    from embrec.cli.console import answers, print_table, shorten
    from embrec.serving.recommender import Recommender
    from embrec.serving.requests import answer, histories_of

    recommender = Recommender.load(open_run(run, workspace))
    items = None if history is None else [item.strip() for item in history.split(",") if item.strip()]
    requests = histories_of(recommender, users=user, history=items, sample=sample)
    if any(not request.items for request in requests):
        print_notes(
            [
                "nothing is known of a visitor without events: the list is the model's answer to an empty history, and need "
                "not hold popular items"
            ]
        )
    results = answer(recommender, requests, k, exclude_seen=not keep_seen)
    for request, best in zip(requests, results, strict=True):
        if json_lines:
            for place, item in enumerate(best, start=1):
                line = {"user": request.user, "rank": place, **vars(item)}
                answers().print(json.dumps(line, ensure_ascii=False), markup=False)
            continue
        recent = request.items[-_SHOWN:]
        shown = [title or item for item, title in zip(recent, recommender.titles(recent), strict=True)]
        heading = f"\n{request.name}, {len(request.items)} events" + (", the last of them:" if shown else "")
        answers().print(heading, markup=False)
        for title in shown:
            answers().print(f"  - {shorten(title, _TITLE)}", markup=False)
        print_table(
            "",
            ["rank", "item", "title", "score"],
            [[place, item.item, shorten(item.title, _TITLE), item.score] for place, item in enumerate(best, start=1)],
        )


def score(
    run: RunArgument,
    output: Annotated[Path, typer.Option(help="File to write: .parquet, .csv or .jsonl.")],
    items: Annotated[
        Path | None,
        typer.Option(
            help="New items: a file like the one that the catalog was imported from, or with its columns (default: none)."
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(help="user for the best items of each user, item for the best users of each new item.")
    ] = "user",
    k: Count = 10,
    keep_seen: KeepSeen = False,
    item_column: Annotated[
        str | None, typer.Option(help="Column of the new items' ids (default: the import's).")
    ] = None,
    image_column: Annotated[
        str | None, typer.Option(help="Column of image paths, relative to the file's folder (default: the import's).")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of images named <item>.jpg (default: the import's).")
    ] = None,
    workspace: Workspace = None,
) -> None:
    """Score the catalog, or new items beside it, for every user of the run's category, without retraining."""
    from embrec.cli.console import print_note, progress_bars
    from embrec.data.everyone import load_everyone
    from embrec.serving.recommender import Recommender
    from embrec.serving.scoring import check_output, check_request, score_by, write_scores

    folder = open_run(run, workspace)
    check_request(by, k, new_items=items is not None)
    check_output(output)
    recommender = Recommender.load(folder)
    everyone = load_everyone(folder.require_category())
    said: list[str] = []
    with progress_bars() as progress:
        if items is not None:
            new_items = recommender.read_items(items, item_column=item_column, image_column=image_column, images=images)
            recommender = recommender.with_items(new_items, progress, said.append)
        scores = score_by(by, recommender, everyone, k, exclude_seen=not keep_seen, progress=progress)
    write_scores(scores, output)
    print_notes(said)
    added = len(recommender.catalog) - recommender.n_trained
    print_note(
        f"{added:,} new items beside {recommender.n_trained:,} of the catalog; "
        f"{len(scores):,} rows, the best {k} for each {by}: {output}"
    )
