"""Cautions about metrics that are too good or too poor by construction, one sentence each."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.few_candidates import NEARLY_ALL, chance, left, says_nothing, telling
from embrec.evaluation.leaks.report import percent
from embrec.evaluation.metrics import counts_hits, cutoff

FEW_USERS = 30  # a mean over fewer users is too uncertain
_WORTH_SAYING = 0.01  # share of targets from which on a caution is given


def shown_metrics(names: Sequence[str], evaluation: Evaluation) -> tuple[str, ...]:
    """Return the metrics that tables show: those that can tell models apart, or all of them if none can.

    Args:
        names: names of the requested metrics.
        evaluation: evaluation of any model; the candidates are the same for all.
    """
    return telling(names, evaluation.standing.candidates) or tuple(names)


def cautions(evaluations: Mapping[str, Sequence[Evaluation]], names: Sequence[str]) -> list[str]:
    """Return the cautions that belong to a table of metrics.

    Args:
        evaluations: model -> one evaluation for each seed, all of the same targets.
        names: names of the requested metrics, including those that `shown_metrics` leaves out.
    """
    first = next(iter(evaluations.values()))[0]
    return [
        *few_candidates(names, first.standing.candidates),
        *_few_users(first.user),
        *undefined_notes(evaluations),
        *_constant_notes(evaluations),
        *_optimistic_notes(evaluations),
    ]


def few_candidates(names: Sequence[str], candidates: NDArray[np.int64]) -> list[str]:
    """Return cautions about metrics that cannot tell models apart, or only on some targets, for lack of candidates.

    Args:
        names: names of the metrics.
        candidates: number of candidates of each target, [T].
    """
    if not len(candidates):
        return []
    shown = telling(names, candidates)
    void = [name for name in names if name not in shown]
    lines = []
    if void:
        left_out = "" if len(void) == len(names) else f" and {_are(void, 'left out')}"
        hits = "every target is a hit" if all(map(counts_hits, void)) else "every target has the best value"
        lines.append(
            f"only {left(candidates).words()} candidates are left of each target: {_and(void)} {_say(void)} nothing ({hits} "
            f"whatever the model){left_out}"
        )
    for name in shown:
        share = float(says_nothing(name, candidates).mean())
        if share >= _WORTH_SAYING:
            at_most = max(1, cutoff(name) or 1) if counts_hits(name) else 1
            is_what = "is a hit" if counts_hits(name) else "has the best value"
            lines.append(
                f"of {percent(share)} of the targets no more than {at_most:,} candidates are left: there each {is_what} for "
                f"{name}, whatever the model"
            )
    whole = [
        name
        for name in shown
        if (k := cutoff(name)) is not None and not counts_hits(name) and float((candidates <= k).mean()) >= NEARLY_ALL
    ]
    if whole:
        by_chance = ", ".join(f"{name} {chance(name, candidates):.4f}" for name in whole)
        lines.append(
            f"only {left(candidates).words()} candidates are left of each target, so that {_and(whole)} "
            f"{'looks' if len(whole) == 1 else 'look'} at all of them; a ranking by chance has {by_chance}"
        )
    return lines


def undefined_notes(evaluations: Mapping[str, Sequence[Evaluation]]) -> list[str]:
    """Return a warning for each model that scores targets as NaN; there is one evaluation for each seed."""
    return [
        f"{name} scores {sum(one.undefined for one in seeds):,} of its targets as NaN, which rank last; train it again"
        for name, seeds in evaluations.items()
        if any(one.undefined for one in seeds)
    ]


def _few_users(users: NDArray[np.int64]) -> list[str]:
    count = len(np.unique(users))
    if count >= FEW_USERS:
        return []
    whose = f"{count} user{'' if count == 1 else 's'}"
    return [f"the targets are of only {whose}: too few to conclude from, whatever the intervals say"]


def _constant_notes(evaluations: Mapping[str, Sequence[Evaluation]]) -> list[str]:
    """Return a note for each model that scores all candidates of some targets equally.

    Such a target gets the middle rank, which is a hit if there are few candidates.
    """
    lines = []
    for name, seeds in evaluations.items():
        share = float(np.mean([_all_tied(one).mean() for one in seeds]))
        if share >= _WORTH_SAYING:
            lines.append(
                f"{name} scores all candidates of {percent(share)} of the targets alike: it says nothing there, and a "
                f"target gets {_PLACES[seeds[0].ties]} of the places"
            )
    return lines


def _optimistic_notes(evaluations: Mapping[str, Sequence[Evaluation]]) -> list[str]:
    """Return a note for each model whose targets gain by ties that are resolved optimistically."""
    lines = []
    for name, seeds in evaluations.items():
        tied = float(np.mean([((one.standing.tied > 0) & ~_all_tied(one)).mean() for one in seeds]))
        if seeds[0].ties == "optimistic" and tied >= _WORTH_SAYING:
            lines.append(f"{name} ties {percent(tied)} of its targets with others, and optimistic ranks put them first")
    return lines


_PLACES = {"mean": "the middle", "optimistic": "the first", "pessimistic": "the last"}


def _all_tied(evaluation: Evaluation) -> NDArray[np.bool_]:
    standing = evaluation.standing
    return (standing.candidates > 1) & (standing.tied == standing.candidates - 1)


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _say(names: Sequence[str]) -> str:
    return "says" if len(names) == 1 else "say"


def _are(names: Sequence[str], what: str) -> str:
    return f"{'is' if len(names) == 1 else 'are'} {what}"
