"""The top of the page: what this is, how it was measured, and what it comes to, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import cleandoc

from embrec.report.fallback import Fallback
from embrec.report.page.leaks import warnings
from embrec.report.page.material import LIST, Material
from embrec.report.page.parts import NONE, Tile, between, count, percent, shown_metric, signed
from embrec.report.results import Measured, Measurements

_SEEN = {
    "exclude": "Items that the user had before are left out, but for the target itself.",
    "keep": "Items that the user had before are candidates too.",
}
_TIES = {
    "mean": "A target that ties with others gets the mean of the places that they share.",
    "optimistic": "A target that ties with others stands before them, which flatters models that tie much.",
    "pessimistic": "A target that ties with others stands behind them.",
}
_BASELINES = {
    "pop": "Popularity lists the items with the most training events, the same for everyone.",
    "content-knn": "Content kNN lists the items whose content is nearest to that of the history; it learns nothing.",
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


def overview(material: Material, measured: Mapping[str, Measurements], found: Mapping[str, Fallback]) -> Overview:
    """Say what was done, how, and what came out."""
    return Overview(
        _lead(material),
        _tiles(material, measured, found),
        _findings(material, measured, found),
        protocol_words(material),
    )


def protocol_words(material: Material) -> list[tuple[str, str]]:
    """Return the protocol, aspect by aspect, in plain words."""
    split = material.runs[0].config.split
    parameters = ", ".join(f"{name} {value}" for name, value in split.model_dump().items() if name != "kind")
    said = " ".join(cleandoc(type(split).__doc__ or "").split("\n\n")[0].split())
    partition, dataset = material.partition, material.dataset
    words = [
        ("Split", f"{split.kind}{f' ({parameters})' if parameters else ''}: {said}"),
        (
            "Targets",
            f"{count(len(partition.train))} events are learned from, {count(len(partition.valid))} choose the epoch, "
            f"and {count(len(material.first.rank))} test targets of {count(len(set(material.first.user.tolist())))} users "
            "judge, once.",
        ),
        ("Candidates", f"All {count(len(dataset.catalog))} items of the catalog, new ones included; no sample of them."),
        ("Items seen before", _SEEN[material.config.seen]),
        ("Ties", _TIES[material.config.ties]),
        (
            "Intervals and tests",
            "Intervals of 95 % by bootstrap over users. Marks compare a model with "
            f"{material.reference} on the same targets: the interval of the difference leaves out 0, and the p-value of "
            "Wilcoxon's signed-rank test, after Holm's correction, is below 0.05.",
        ),
    ]  # fmt: skip
    baselines = [_BASELINES[key] for key, model in material.models.items() if model.is_baseline and key in _BASELINES]
    if baselines:
        words.append(("Baselines", " ".join(baselines)))
    return words


def _lead(material: Material) -> str:
    runs, baselines = len(material.runs), len(material.models) - len(material.runs)
    who = "One run" if runs == 1 else f"{runs} runs"
    beside = {0: "", 1: " and a baseline"}.get(baselines, f" and {baselines} baselines")
    alone = runs + baselines == 1
    return (
        f"{who}{beside} {'ranks' if alone else 'rank'} {count(len(material.first.rank))} test targets, each among "
        f"{count(len(material.dataset.catalog))} items."
    )


def _best(material: Material, measured: Mapping[str, Measurements], label: str = "all") -> tuple[str, Measured]:
    """Return the run with the highest main metric on some targets, and that."""
    name = material.main_metric
    values = {run.name: measured[run.name][label][name] for run in material.runs}
    return max(values.items(), key=lambda item: item[1].estimate.mean)


def _tiles(material: Material, measured: Mapping[str, Measurements], found: Mapping[str, Fallback]) -> list[Tile]:
    key, best = _best(material, measured)
    one, name = best.estimate, material.main_metric
    shown = shown_metric(name)
    whose = f"{key}, best of the runs; " if len(material.runs) > 1 else ""
    tiles = [Tile(shown, f"{one.mean:.4f}", whose + between(one.low, one.high))]
    if "pop" in measured:
        base = measured["pop"]["all"][name].estimate.mean
        tiles.append(
            Tile("against popularity", f"{one.mean / base:.1f} times" if base else NONE, f"popularity: {base:.4f}")
        )
    if "cold items" in measured[key]:
        cold = measured[key]["cold items"][name].estimate
        tiles.append(Tile(f"{shown}, new items", f"{cold.mean:.4f}", between(cold.low, cold.high)))
    rows = material.lists(key)
    if rows is not None:
        share = len(set(rows[rows >= 0].tolist())) / len(material.dataset.catalog)
        tiles.append(Tile("catalog shown", percent(share), f"in the first {LIST} of some list"))
    if key in found:
        tiles.append(Tile("fell back", percent(found[key].is_fallback.mean()), "popular lists after diverse histories"))
    return tiles


def _findings(material: Material, measured: Mapping[str, Measurements], found: Mapping[str, Fallback]) -> list[str]:
    key, best = _best(material, measured)
    name = material.main_metric
    said = [f"{key} {_reach(name, best)}" + _against_popularity(measured, name) + "."]
    said += [_verdict(material, measured, run.name, name) for run in material.runs[1:]]
    if "cold items" in measured[key]:
        cold_key, cold = _best(material, measured, "cold items")
        targets = count(material.first.slices()["cold items"].sum())
        zero = cold.estimate.mean == 0
        said.append(
            f"On {targets} targets whose item has no training event, "
            + (
                f"no run reaches a {shown_metric(name)} above 0."
                if zero
                else f"{cold_key} is best with {shown_metric(name)} {cold.estimate.mean:.4f}."
            )
        )
    if key in found:
        one = found[key]
        said.append(
            f"{percent(one.is_mostly.mean())} of the lists of {key} are mostly popular items; "
            f"{percent(one.is_fallback.mean())} are so after a diverse history."
        )
    if count_of := warnings(material):
        said.append(
            f"{count_of} leak {'check warns' if count_of == 1 else 'checks warn'}: read them before the numbers."
        )
    return said


def _reach(name: str, value: Measured) -> str:
    one = value.estimate
    kind, _, k = name.partition("@")
    if kind == "hr":
        return (
            f"lists the next item among its first {k} for {percent(one.mean)} of the targets "
            f"(95 % interval: {one.low * 100:.1f} to {one.high * 100:.1f})"
        )
    return f"reaches {shown_metric(name)} {one.mean:.4f} ({between(one.low, one.high)})"


def _against_popularity(measured: Mapping[str, Measurements], name: str) -> str:
    if "pop" not in measured:
        return ""
    base = measured["pop"]["all"][name].estimate.mean
    shown = percent(base) if name.startswith("hr@") else f"{base:.4f}"
    return f"; popularity alone, {shown}"


def _verdict(material: Material, measured: Mapping[str, Measurements], key: str, name: str) -> str:
    test = measured[key]["all"][name].estimate.test
    if test is None or test.verdict() == "undecided":
        return f"{key} and {material.reference} cannot be told apart by {shown_metric(name)} on these targets."
    sign = "more" if test.difference > 0 else "less"
    ends = f"difference: {signed(test.low)} to {signed(test.high)}"
    by = f"{abs(test.difference):.4f} {sign} {shown_metric(name)}"
    return f"{key} is {test.verdict()} than {material.reference}: {by} ({ends})."
