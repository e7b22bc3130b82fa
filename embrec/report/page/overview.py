"""The top of the page: what this is, how it was measured, and what it comes to, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import cleandoc

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
    "mean": "A target that ties with others gets the mean of the places that they share.",
    "optimistic": "A target that ties with others stands before them, which flatters models that tie much.",
    "pessimistic": "A target that ties with others stands behind them.",
}


@dataclass(frozen=True)
class Overview:
    """What stands at the top.

    Attributes:
        lead: one sentence of what was done.
        tiles: the numbers that stand out.
        findings: what the results come to, a sentence each.
        protocol: (aspect, plain words).
    """

    lead: str
    tiles: list[Tile]
    findings: list[str]
    protocol: list[tuple[str, str]]


def overview(material: PageContext, measured: Mapping[str, Measurements], found: Mapping[str, Fallback]) -> Overview:
    """Say what was done, how, and what came out."""
    names = (material.runs[0].config.training.select_by, material.main_metric, *material.config.metrics)
    baselines = [key for key, model in material.models.items() if model.is_baseline]
    evaluations = {name: [material.evaluations[run] for run in runs] for name, runs in material.trained.items()}
    evaluations |= {key: [material.evaluations[key]] for key in baselines}
    against = verdicts(evaluations, baselines, names)
    if len(evaluations) < len(material.models):  # runs that differ in the seed alone are measured as one model
        measured = measure(evaluations, material.config.metrics, next(iter(material.trained)))
    return Overview(
        _lead(material),
        _tiles(material, measured, found),
        [f"{line[:1].upper()}{line[1:]}." if line.startswith("a ") else f"{line}." for line in verdict_lines(against)]
        + _findings(material, measured, found),
        protocol_words(material),
    )


def protocol_words(material: PageContext) -> list[tuple[str, str]]:
    """Return the protocol, aspect by aspect, in plain words."""
    split = material.runs[0].config.split
    said = " ".join(cleandoc(type(split).__doc__ or "").split("\n\n")[0].split())
    sampled = isinstance(material.config.candidates, Sampled)
    words = [
        ("Split", f"{split_text(split)}. {said}"),
        ("Targets", _targets(material)),
        ("Candidates", _candidates(material)),
        *([] if sampled else [("Items seen before", _SEEN[material.config.seen])]),
        ("Ties", _TIES[material.config.ties]),
        (
            "Intervals and tests",
            "Intervals of 95 % by bootstrap over users. Marks compare a model with "
            f"{material.reference} on the same targets: the interval of the difference leaves out 0, and the p-value of "
            "Wilcoxon's signed-rank test, after Holm's correction, is below 0.05.",
        ),
    ]  # fmt: skip
    baselines = [
        BASELINES[key].about for key, model in material.models.items() if model.is_baseline and key in BASELINES
    ]
    if baselines:
        words.append(("Baselines", " ".join(baselines)))
    return words


def _targets(material: PageContext) -> str:
    """Say how many events are learned from, choose and judge."""
    partition = material.partition
    judge = f"{count(len(material.first))} test targets of {count(len(set(material.first.user.tolist())))} users judge, once."
    final = [run.name for run in material.runs if not run.config.training.validates]
    learned = count(int(partition.train_and_valid.sum()))
    if len(final) == len(material.runs):
        return f"{learned} events are learned from, those of validation among them; no epoch was chosen, and {judge}"
    said = (
        f"{count(len(partition.train))} events are learned from, {count(len(partition.valid))} choose the epoch, "
        f"and {judge}"
    )
    if final:
        said += (
            f" {' and '.join(final)} learned from {learned} events, those of validation among them, and chose no epoch."
        )
    return said


def _candidates(material: PageContext) -> str:
    """Say what targets are ranked against."""
    items = count(len(material.dataset.catalog))
    said = material.config.candidates.words()
    if isinstance(material.config.candidates, Sampled):
        return (
            f"{said}. Ranks among a sample flatter weak models, and can turn an order: compare with nothing but the same. "
            "They leave no lists of the whole catalog, so what is made from lists is missing below."
        )
    if isinstance(material.config.candidates, SeenSoFar):
        return f"Of the {items} items of the catalog, those that anybody has touched before the moment of the target."
    return f"All {items} items of the catalog, new ones included; no sample of them."


def _lead(material: PageContext) -> str:
    runs, baselines = len(material.runs), len(material.models) - len(material.runs)
    who = "One run" if runs == 1 else f"{runs} runs"
    if len(material.trained) < runs:
        models = len(material.trained)
        who += " of one model" if models == 1 else f" of {models} models"
    beside = {0: "", 1: " and a baseline"}.get(baselines, f" and {baselines} baselines")
    alone = runs + baselines == 1
    items = count(len(material.dataset.catalog))
    among = {
        "all": f"the {items} items of the catalog",
        "seen-so-far": f"those of the {items} items that were seen before",
    }.get(material.config.candidates.kind, f"{material.first.standing.candidates.max():,} sampled items")
    return (
        f"{who}{beside} {'ranks' if alone else 'rank'} {count(len(material.first))} test targets, each among {among}."
    )


def _best(material: PageContext, measured: Mapping[str, Measurements], label: str = "all") -> tuple[str, Measured]:
    """Return the trained model with the highest main metric on some targets, and that."""
    return _highest(material, {name: measured[name][label] for name in material.trained})


def _best_baseline(material: PageContext, measured: Mapping[str, Measurements]) -> tuple[str, Measured] | None:
    """Return the baseline with the highest main metric, and that; None without baselines."""
    baselines = {key: measured[key]["all"] for key, model in material.models.items() if model.is_baseline}
    return _highest(material, baselines) if baselines else None


def _highest(material: PageContext, values: Mapping[str, Mapping[str, Measured]]) -> tuple[str, Measured]:
    name = material.main_metric
    sign = -1 if lower_is_better(name) else 1
    key = max(values, key=lambda one: sign * values[one][name].estimate.mean)
    return key, values[key][name]


def _tiles(material: PageContext, measured: Mapping[str, Measurements], found: Mapping[str, Fallback]) -> list[Tile]:
    key, best = _best(material, measured)
    one, name = best.estimate, material.main_metric
    shown = shown_metric(name)
    seeds = len(material.trained[key])
    whose = f"{key}, " if len(material.runs) > 1 else ""
    whose += f"mean of {seeds} seeds" if seeds > 1 else ""
    if len(material.trained) > 1:
        whose += f"{', ' if seeds > 1 else ''}best of the {'runs' if len(material.trained) == len(material.runs) else 'models'}"
    whose += "; " if whose else ""
    tiles = [Tile(shown, f"{one.mean:.4f}", whose + between(one.low, one.high))]
    if (beside := _best_baseline(material, measured)) is not None:
        baseline, value = beside
        base = value.estimate.mean
        times = f"{one.mean / base:.2f} times" if base and not lower_is_better(name) else NONE
        tiles.append(Tile("against the best baseline", times, f"{material.models[baseline].name}: {base:.4f}"))
    if "cold items" in measured[key] and not too_few(material.first, "cold items"):
        cold = measured[key]["cold items"][name].estimate
        tiles.append(Tile(f"{shown}, new items", f"{cold.mean:.4f}", between(cold.low, cold.high)))
    rows = material.lists(run := material.trained[key][0])
    if rows is not None:
        share = len(set(rows[rows >= 0].tolist())) / len(material.dataset.catalog)
        tiles.append(Tile("catalog shown", percent(share), f"in the first {LIST} of some list" + _by(key, run)))
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
    """Say which run of a model with several seeds a number is of."""
    return "" if model == run else f", by {run}"


def _of_seeds(material: PageContext, measured: Mapping[str, Measurements]) -> list[str]:
    """Say which runs are one model, and how far its seeds are apart."""
    name = material.main_metric
    return [
        f"{', '.join(runs[:-1])} and {runs[-1]} are one model, {model}, with {len(runs)} seeds: {shown_metric(name)} "
        f"{measured[model]['all'][name].estimate.mean:.4f} in the mean, "
        f"{min(measured[model]['all'][name].seeds):.4f} to {max(measured[model]['all'][name].seeds):.4f}."
        for model, runs in material.trained.items()
        if len(runs) > 1
    ]


def _findings(material: PageContext, measured: Mapping[str, Measurements], found: Mapping[str, Fallback]) -> list[str]:
    key, best = _best(material, measured)
    name = material.main_metric
    said = _of_seeds(material, measured)
    said.append(f"{key} {_reach(name, best)}" + _against_baseline(material, measured) + ".")
    reference, *others = material.trained
    said += [_verdict(measured, one, reference, name) for one in others]
    if "cold items" in measured[key]:
        said.append(_of_new_items(material, measured))
    if (run := material.trained[key][0]) in found:
        one = found[run]
        said.append(
            f"{percent(one.is_mostly.mean())} of the lists of {run} are mostly popular items; "
            f"{percent(one.is_fallback.mean())} are so after a diverse history."
        )
    if names := warnings(material):
        said.insert(0, f"Read the leak checks before the numbers: {', '.join(names)}.")
    return said


def _of_new_items(material: PageContext, measured: Mapping[str, Measurements]) -> str:
    targets = int(material.first.slices()["cold items"].sum())
    if too_few(material.first, "cold items"):
        return f"Only {targets} targets have an item without training events: too few to say how new items fare."
    _, value = _best(material, measured, "cold items")
    name, one = material.main_metric, value.estimate
    same = [model for model in material.trained if measured[model]["cold items"][name].estimate.mean == one.mean]
    reached = f"{shown_metric(name)} {one.mean:.4f} ({between(one.low, one.high)})"
    if not one.mean and not lower_is_better(name):
        best = f"no run finds any ({shown_metric(name)} 0)"
    elif len(material.trained) == 1:
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


def _against_baseline(material: PageContext, measured: Mapping[str, Measurements]) -> str:
    beside, name = _best_baseline(material, measured), material.main_metric
    if beside is None:
        return ""
    key, value = beside
    base = value.estimate.mean
    shown = percent(base) if name.startswith(("hr@", "recall@")) else f"{base:.4f}"
    return f"; the best baseline, {material.models[key].name}, {shown}"


def _verdict(measured: Mapping[str, Measurements], key: str, reference: str, name: str) -> str:
    test = measured[key]["all"][name].estimate.test
    if test is None or test.verdict() == "undecided":
        return f"{key} and {reference} cannot be told apart by {shown_metric(name)} on these targets."
    sign = "more" if test.difference > 0 else "less"
    ends = f"difference: {signed(test.low)} to {signed(test.high)}"
    by = f"{abs(test.difference):.4f} {sign} {shown_metric(name)}"
    return f"{key} is {test.verdict()} than {reference}: {by} ({ends})."
