"""The result of an import on the screen: events read, kept and dropped, and the assumptions that were made."""

import contextlib
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from embrec.data.importing import Import
    from embrec.data.store import Dataset


def print_import(result: "Import") -> None:
    """Print what an import read, kept and dropped, what it took for granted, and what was made from older data."""
    from embrec.cli.console import print_note, print_table

    category, dataset = result.category, result.dataset
    if not result.fresh:
        print_note(f"{category.name}: already imported from the same files with the same options; nothing to do")
    print_table(f"category {category.name}", ["", "events", "users", "items"], _report_rows(dataset))
    numbers = dataset.statistics()
    title = dataset.catalog.title_column
    named = f", titles: {title}" if title is not None else ""
    typer.echo(
        f"{numbers['events per user']:.2f} events per user, {numbers['events per item']:.2f} per item, "
        f"catalog of {len(dataset.catalog):,} items, text columns: {', '.join(dataset.catalog.text_columns) or 'none'}{named}"
    )
    for kind in ("remarks", "warnings"):
        for line in dataset.meta["report"].get(kind, ()):
            print_note(f"{kind.removesuffix('s').replace('remark', 'note')}: {line}")
    typer.echo(f"written to {category.data}" if result.fresh else f"it is in {category.data}")
    if result.changed is not None:
        for line in _what_fits(result, result.changed):
            print_note(f"{category.name}: {line}")


def _what_fits(result: "Import", changed: str) -> list[str]:
    """Say what was made from the data of a category and whether it fits them, after an import that replaced others.

    Runs know what they were made of, which need not be what the import before this one brought. All else goes by that.
    """
    from embrec.data.importing import dependents, named
    from embrec.errors import RunError

    runs: dict[bool, list[str]] = {True: [], False: []}
    for file in sorted(result.category.runs.glob("*/config.yaml")):
        from embrec.runs.folder import RunFolder  # takes a second, which an import without runs need not spend

        with contextlib.suppress(RunError):  # of a damaged run nobody knows
            if (made := RunFolder(file.parent).read_made_of()) is not None:
                runs[made.is_of(result.dataset)].append(file.parent.name)
    if changed:
        found = dependents(result.category, changed, without=runs[True])
        lines = [f"the {changed} is another now; made from the old one, and to be made again: {found}"] if found else []
        return lines + ([f"made from these very data, and fitting: {named('run', runs[True])}"] if runs[True] else [])
    found = dependents(result.category, without=runs[False])
    lines = [f"the data are the same as before; made from them, and fitting as before: {found}"] if found else []
    return lines + ([f"made from other data, and to be made again: {named('run', runs[False])}"] if runs[False] else [])


def _report_rows(dataset: "Dataset") -> list[list[object]]:
    """Return the rows of the table that says what an import read, dropped and kept; "" where a count has no sense."""
    from embrec.cli.messages import translate

    report, settings = dataset.meta["report"], dataset.meta.get("preparation", {})
    rows: list[list[object]] = [["read", report["read"]["events"], report["read"]["users"], report["read"]["items"]]]
    for reason, events in report["dropped"].items():
        users, items = report["dropped_users"].get(reason, ""), report["dropped_items"].get(reason, "")
        setting = report.get("settings", {}).get(
            reason
        )  # named where it took something: presets set more than one thinks
        option = f" (--{setting.replace('_', '-')} {settings.get(setting)})" if setting and events else ""
        rows.append([f"dropped: {reason}{option}", events, users, items])
    rows.append(["kept", report["kept"]["events"], report["kept"]["users"], report["kept"]["items"]])
    order = dataset.meta.get("preparation", {}).get("ties", "input")
    how = "" if order == "input" else f" (order drawn: {order})"
    rows.append([f"of these: ties in time with another event of the user{how}", report["ties"], "", ""])
    rows.append(["of these: items without metadata", "", "", report["items_without_metadata"]])
    if report["items_without_events"]:
        rows.append(["also in the catalog: items without events", "", "", report["items_without_events"]])
    others = report.get("others", {})
    if others.get("events"):
        rows.append(
            ["served beside them: dropped events of items in the catalog", others["events"], others["users"], ""]
        )
    if others.get("without history"):
        rows.append(["not served: users without an event of an item in the catalog", "", others["without history"], ""])
    for note, count in report["notes"].items():
        in_users = note.startswith("users")
        in_items = not in_users and ("item" in note or "catalog" in note or "image" in note)
        events, users, items = (
            "" if in_users or in_items else count,
            count if in_users else "",
            count if in_items else "",
        )
        rows.append([f"note: {translate(note)}", events, users, items])
    return rows
