"""The overview of the page: what was measured and how, and the main findings in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import cleandoc

import numpy as np

from embrec.comparisons.measurements import Measured, Measurements, measure
from embrec.data.splits import split_text
from embrec.evaluation.candidates import Sampled, SeenSoFar
from embrec.evaluation.metrics import lower_is_better
from embrec.evaluation.verdict import verdict_lines, verdicts
from embrec.models.baselines.registry import BASELINES
from embrec.report.fallback import Fallback
from embrec.report.page.context import LIST, PageContext
from embrec.report.page.html_parts import NONE, Tile, between, count, percent, shown_metric, signed
from embrec.report.page.leaks import warnings
from embrec.report.page.results import too_few

_SEEN = {
    "exclude": "Items that the user had before are left out, but for the target itself.",
    "keep": "Items that the user had before are candidates too.",
}
_TIES = {
    "mean": "A target that ties with others gets the mean of the ranks that they share.",
    "optimistic": "A target that ties with others is ranked before them, which favours models with many ties.",
    "pessimistic": "A target that ties with others is ranked after them.",
}


@dataclass(frozen=True)
class Overview:
    """The content of the overview.

    Attributes:
        lead: sentence on the models and targets.
        tiles: highlighted numbers.
        findings: findings, one sentence each.
        protocol: protocol as (aspect, description).
    """

    lead: str
    tiles: list[Tile]
    findings: list[str]
    protocol: list[tuple[str, str]]


def overview(context: PageContext, measured: Mapping[str, Measurements], found: Mapping[str, Fallback]) -> Overview:
    """Return the overview.

    Args:
        context: the runs with data and evaluations.
        measured: estimates of all metrics; see `measure_all`.
        found: popular items in the lists of each model.
    """
    names = (context.runs[0].config.training.select_by, context.main_metric, *context.config.metrics)
    baselines = [key for key, model in context.models.items() if model.is_baseline]
    evaluations = {name: [context.evaluations[run] for run in runs] for name, runs in context.trained.items()}
    evaluations |= {key: [context.evaluations[key]] for key in baselines}
    against = verdicts(evaluations, baselines, names)
    if len(evaluations) < len(context.models):  # runs that differ only in the seed are one model
        measured = measure(evaluations, context.config.metrics, next(iter(context.trained)))
    return Overview(
        _lead(context),
        _tiles(context, measured, found),
        [f"{line[:1].upper()}{line[1:]}." if line.startswith("a ") else f"{line}." for line in verdict_lines(against)]
        + _findings(context, measured, found),
        protocol_words(context),
    )


def protocol_words(context: PageContext) -> list[tuple[str, str]]:
    """Return the protocol as (aspect, description) in plain words."""
    split = context.runs[0].config.split
    said = " ".join(cleandoc(type(split).__doc__ or "").split("\n\n")[0].split())
    sampled = isinstance(context.config.candidates, Sampled)
    words = [
        ("Split", f"{split_text(split)}. {said}"),
        ("Targets", _targets(context)),
        ("Candidates", _candidates(context)),
        *([] if sampled else [("Items seen before", _SEEN[context.config.seen])]),
        ("Ties", _TIES[context.config.ties]),
        (
            "Intervals and tests",
            "Intervals of 95 % by bootstrap over users. Marks compare a model with "
            f"{context.reference} on the same targets: the interval of the difference excludes 0, and the p-value of "
            "Wilcoxon's signed-rank test, after Holm's correction, is below 0.05.",
        ),
    ]
    baselines = [
        BASELINES[key].about for key, model in context.models.items() if model.is_baseline and key in BASELINES
    ]
    if baselines:
        words.append(("Baselines", " ".join(baselines)))
    return words


def _targets(context: PageContext) -> str:
    """Return the numbers of training and validation events and of test targets, in words."""
    partition = context.partition
    users = count(len(np.unique(context.first.user)))
    tested = f"{count(len(context.first))} test targets of {users} users are ranked once."
    final = [run.name for run in context.runs if not run.config.training.validates]
    learned = count(int(partition.train_and_valid.sum()))
    if len(final) == len(context.runs):
        return f"{learned} training events include those of validation; no epoch was chosen. The {tested}"
    said = (
        f"{count(len(partition.train))} training events; {count(len(partition.valid))} validation events choose the epoch. "
        f"The {tested}"
    )
    if final:
        said += (
            f" {' and '.join(final)} learned from {learned} events, including those of validation, and chose no epoch."
        )
    return said


def _candidates(context: PageContext) -> str:
    """Return the candidates of the ranking, in words."""
    items = count(len(context.dataset.catalog))
    said = context.config.candidates.words()
    if isinstance(context.config.candidates, Sampled):
        return (
            f"{said}. Ranks among a sample flatter weak models and can reverse an order: compare only under the same protocol. "
            "They leave no lists of the whole catalog, so the sections made from lists are missing below."
        )
    if isinstance(context.config.candidates, SeenSoFar):
        return f"Of the {items} items of the catalog, those with an event of any user before the time of the target."
    return f"All {items} items of the catalog, new ones included; no sample of them."


def _lead(context: PageContext) -> str:
    runs, baselines = len(context.runs), len(context.models) - len(context.runs)
    who = "One run" if runs == 1 else f"{runs} runs"
    if len(context.trained) < runs:
        models = len(context.trained)
        who += " of one model" if models == 1 else f" of {models} models"
    beside = {0: "", 1: " and a baseline"}.get(baselines, f" and {baselines} baselines")
    alone = runs + baselines == 1
    items = count(len(context.dataset.catalog))
    among = {
        "all": f"the {items} items of the catalog",
        "seen-so-far": f"those of the {items} items that were seen before",
    }.get(context.config.candidates.kind, f"{context.first.standing.candidates.max():,} sampled items")
    return f"{who}{beside} {'ranks' if alone else 'rank'} {count(len(context.first))} test targets, each among {among}."


def _best(context: PageContext, measured: Mapping[str, Measurements], label: str = "all") -> tuple[str, Measured]:
    """Return the trained model with the best main metric on a slice, and its value."""
    return _highest(context, {name: measured[name][label] for name in context.trained})


def _best_baseline(context: PageContext, measured: Mapping[str, Measurements]) -> tuple[str, Measured] | None:
    """Return the baseline with the best main metric, and its value; None without baselines."""
    baselines = {key: measured[key]["all"] for key, model in context.models.items() if model.is_baseline}
    return _highest(context, baselines) if baselines else None


def _highest(context: PageContext, values: Mapping[str, Mapping[str, Measured]]) -> tuple[str, Measured]:
    name = context.main_metric
    sign = -1 if lower_is_better(name) else 1
    key = max(values, key=lambda one: sign * values[one][name].estimate.mean)
    return key, values[key][name]


def _tiles(context: PageContext, measured: Mapping[str, Measurements], found: Mapping[str, Fallback]) -> list[Tile]:
    key, best = _best(context, measured)
    one, name = best.estimate, context.main_metric
    shown = shown_metric(name)
    seeds = len(context.trained[key])
    whose = f"{key}, " if len(context.runs) > 1 else ""
    whose += f"mean of {seeds} seeds" if seeds > 1 else ""
    if len(context.trained) > 1:
        whose += f"{', ' if seeds > 1 else ''}best of the {'runs' if len(context.trained) == len(context.runs) else 'models'}"
    whose += "; " if whose else ""
    tiles = [Tile(shown, f"{one.mean:.4f}", whose + between(one.low, one.high))]
    if (beside := _best_baseline(context, measured)) is not None:
        baseline, value = beside
        base = value.estimate.mean
        times = f"{one.mean / base:.2f} times" if base and not lower_is_better(name) else NONE
        tiles.append(Tile("against the best baseline", times, f"{context.models[baseline].name}: {base:.4f}"))
    if "cold items" in measured[key] and not too_few(context.first, "cold items"):
        cold = measured[key]["cold items"][name].estimate
        tiles.append(Tile(f"{shown}, new items", f"{cold.mean:.4f}", between(cold.low, cold.high)))
    rows = context.lists(run := context.trained[key][0])
    if rows is not None:
        share = len(set(rows[rows >= 0].tolist())) / len(context.dataset.catalog)
        tiles.append(Tile("catalog shown", percent(share), f"in the first {LIST} of any list" + _by(key, run)))
    if run in found:
        tiles.append(
            Tile(
                "fell back",
                percent(found[run].is_fallback.mean()),
                "popular lists after diverse histories" + _by(key, run),
            )
        )
    return tiles


def _by(model: str, run: str) -> str:
    """Return the run that a number belongs to, for a model with several seeds."""
    return "" if model == run else f", by {run}"


def _of_seeds(context: PageContext, measured: Mapping[str, Measurements]) -> list[str]:
    """Return a sentence for each model with several seeds: its runs, and the spread of the main metric."""
    name = context.main_metric
    return [
        f"{', '.join(runs[:-1])} and {runs[-1]} are one model, {model}, with {len(runs)} seeds: {shown_metric(name)} "
        f"{measured[model]['all'][name].estimate.mean:.4f} in the mean, "
        f"{min(measured[model]['all'][name].seeds):.4f} to {max(measured[model]['all'][name].seeds):.4f}."
        for model, runs in context.trained.items()
        if len(runs) > 1
    ]


def _findings(context: PageContext, measured: Mapping[str, Measurements], found: Mapping[str, Fallback]) -> list[str]:
    key, best = _best(context, measured)
    name = context.main_metric
    said = _of_seeds(context, measured)
    said.append(f"{key} {_reach(name, best)}" + _against_baseline(context, measured) + ".")
    reference, *others = context.trained
    said += [_verdict(measured, one, reference, name) for one in others]
    if "cold items" in measured[key]:
        said.append(_of_new_items(context, measured))
    if (run := context.trained[key][0]) in found:
        one = found[run]
        said.append(
            f"{percent(one.is_mostly.mean())} of the lists of {run} are mostly popular items; "
            f"{percent(one.is_fallback.mean())} are so although the history is diverse."
        )
    if names := warnings(context):
        said.insert(0, f"Read the leak checks before the numbers: {', '.join(names)}.")
    return said


def _of_new_items(context: PageContext, measured: Mapping[str, Measurements]) -> str:
    targets = int(context.first.slices()["cold items"].sum())
    if too_few(context.first, "cold items"):
        return f"Only {targets} targets have an item without training events: too few to say how new items fare."
    _, value = _best(context, measured, "cold items")
    name, one = context.main_metric, value.estimate
    same = [model for model in context.trained if measured[model]["cold items"][name].estimate.mean == one.mean]
    reached = f"{shown_metric(name)} {one.mean:.4f} ({between(one.low, one.high)})"
    if not one.mean and not lower_is_better(name):
        best = f"no run finds any ({shown_metric(name)} 0)"
    elif len(context.trained) == 1:
        best = f"{same[0]} reaches {reached}"
    else:
        best = f"{' and '.join(same)} {'reaches' if len(same) == 1 else 'reach'} the best {reached}"
    return f"On {count(targets)} targets whose item has no training event, {best}."


def _reach(name: str, value: Measured) -> str:
    one = value.estimate
    kind, _, k = name.partition("@")
    if kind in ("hr", "recall"):
        return (
            f"lists the next item among its first {k} for {percent(one.mean)} of the targets "
            f"(95 % interval: {one.low * 100:.1f} to {one.high * 100:.1f})"
        )
    return f"reaches {shown_metric(name)} {one.mean:.4f} ({between(one.low, one.high)})"


def _against_baseline(context: PageContext, measured: Mapping[str, Measurements]) -> str:
    beside, name = _best_baseline(context, measured), context.main_metric
    if beside is None:
        return ""
    key, value = beside
    base = value.estimate.mean
    shown = percent(base) if name.startswith(("hr@", "recall@")) else f"{base:.4f}"
    return f"; the best baseline, {context.models[key].name}, {shown}"


def _verdict(measured: Mapping[str, Measurements], key: str, reference: str, name: str) -> str:
    test = measured[key]["all"][name].estimate.test
    if test is None or test.verdict() == "undecided":
        return f"{key} and {reference} cannot be told apart by {shown_metric(name)} on these targets."
    sign = "more" if test.difference > 0 else "less"
    ends = f"difference: {signed(test.low)} to {signed(test.high)}"
    by = f"{abs(test.difference):.4f} {sign} {shown_metric(name)}"
    return f"{key} is {test.verdict()} than {reference}: {by} ({ends})."
