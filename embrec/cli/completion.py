"""Shell completion of the names of categories, runs and searches."""

import typer

from embrec.cli.places import open_workspace


def complete_category(context: typer.Context, incomplete: str) -> list[str]:
    """Return the categories whose name begins with a word."""
    categories = open_workspace(context.params.get("workspace")).categories()
    return [category.name for category in categories if category.name.startswith(incomplete)]


def complete_run(context: typer.Context, incomplete: str) -> list[str]:
    """Return the runs, as category/run, that begin with a word."""
    return _made(context, incomplete, "*/runs/*/config.yaml")


def complete_search(context: typer.Context, incomplete: str) -> list[str]:
    """Return the searches, as category/search, that begin with a word."""
    return _made(context, incomplete, "*/searches/*/search.yaml")


def _made(context: typer.Context, incomplete: str, pattern: str) -> list[str]:
    files = sorted(open_workspace(context.params.get("workspace")).path.glob(pattern))
    names = [f"{file.parts[-4]}/{file.parts[-2]}" for file in files]
    return [name for name in names if name.startswith(incomplete)]
