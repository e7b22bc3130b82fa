"""The section on the search behind a run: trials, best settings, importance of settings, and epochs saved by stopping."""

from collections.abc import Mapping
from typing import Any

from embrec.distributions import Distribution, Range
from embrec.progress import duration
from embrec.report.page.context import Search
from embrec.report.page.html_parts import (
    NONE,
    Cell,
    HtmlTable,
    Panels,
    Section,
    Tile,
    count,
    percent,
    shortened,
    shown_metric,
)
from embrec.report.page.parallel import parallel, tenth
from embrec.report.page.search_figures import (
    LEGEND,
    LEGEND_OF_BEST,
    best_so_far_figure,
    importance_figure,
    learning_figure,
)
from embrec.tuning.importance import Importance, SettingShare, setting_importance
from embrec.tuning.records import Status, Trial, best_trial
from embrec.tuning.summary import (
    TrialRow,
    counts,
    default_trial,
    gain,
    narrow_settings,
    savings,
    short_labels,
    shown_setting,
    trial_rows,
)

_SHOWN = 10  # rows of a table of trials
_SHOWN_ERROR = 300  # characters
_STATUS: dict[Status, str] = {
    "finished": "to the end",
    "stopped": "stopped early",
    "failed": "failed",
    "begun": "not ended",
}


def search_section(search: Search) -> Section:
    """Return the section."""
    importance = setting_importance(search.trials, search.config)
    rows = trial_rows(search.trials, search.config)
    return Section(
        "search",
        "The search",
        "search.html.j2",
        {
            "lead": _lead(search),
            "tiles": _tiles(search),
            "findings": _findings(search, importance),
            "panels": _panels(search, importance),
            "parallel": parallel(search.trials, search.config),
            "parallel_caption": _parallel_caption(rows),
            "settings": _settings(search, importance),
            "best": _best(search, [row for row in rows if row.rank is not None]),
            "failed": _failed(search, [row for row in rows if row.status == "failed"]),
            "method": _method(search),
        },
    )


def _winner(search: Search) -> Trial | None:
    return best_trial(search.trials, search.config.objective, search.config.sign)


def _best_value(search: Search, trial: Trial) -> tuple[int, float]:
    """Return the best epoch of a trial that has one, and its value."""
    found = trial.best(search.config.objective, search.config.sign)
    assert found is not None
    return found


def _lead(search: Search) -> str:
    config, winner = search.config, _winner(search)
    said = (
        f"{_many(len(search.trials), 'trial')} of at most {_many(config.epochs, 'epoch')} searched "
        f"{_many(len(config.space), 'setting')} for the best validation {shown_metric(config.objective)}"
    )
    if winner is None:
        return f"{said}; none has a value."
    epoch, value = _best_value(search, winner)
    return (
        f"{said}; trial {winner.number} won with {value:.4f}, in epoch {epoch}. The settings of {', '.join(search.runs)} "
        f"come from this search, {search.name}."
    )


def _tiles(search: Search) -> list[Tile]:
    found, saved = counts(search.trials), savings(search.trials, search.config)
    ended = f"{found['finished']} to the end" + (f", {found['begun']} not ended" if found["begun"] else "")
    rungs = _rungs(search)
    return [
        Tile("trials", count(len(search.trials)), f"{ended}; {duration(saved.seconds)} of training"),
        Tile("stopped early", count(found["stopped"]), f"compared after {rungs}" if rungs else ""),
        Tile("failed", count(found["failed"]), "listed below" if found["failed"] else ""),
        Tile(
            "epochs saved",
            percent(saved.share, 0),
            f"{count(saved.epochs)} trained of {count(saved.epochs_whole)}; about "
            f"{duration(saved.seconds_whole - saved.seconds)} saved",
        ),
    ]


def _findings(search: Search, importance: Importance) -> list[str]:
    said = [_against_default(search), *narrow_settings(search.trials, search.config)]
    if importance.is_meaningful:
        first = importance.shares[0]
        said.append(
            f"Most was decided by {short_labels(search.config.space)[first.key]}: {_share(first)} of what settings "
            f"explain ({_spread(first)} over several forests). {importance.words}"
        )
    else:
        said.append(importance.words)
    valued = sum(row.rank is not None for row in trial_rows(search.trials, search.config))
    if valued > 1:
        said.append(
            f"The best of {valued} validation values is optimistic, because it was selected; test targets were not used."
        )
    if begun := counts(search.trials)["begun"]:
        said.append(
            f"{_many(begun, 'trial')} had not ended when this page was made: the search was running, or interrupted."
        )
    return [one for one in said if one]


def _against_default(search: Search) -> str:
    winner, default = _winner(search), default_trial(search.trials, search.config)
    if winner is None:
        return ""
    if default is None:
        return (
            "The default settings were not among the trials, so nothing is known of what the search gained over them."
        )
    if default is winner:
        return f"No trial beat the default settings, trial {default.number}."
    better = gain(search.trials, search.config)
    if default.status == "failed" or not default.values(search.config.objective):
        return f"The default settings, trial {default.number}, have no value to compare with."
    _, value = _best_value(search, default)
    early = f", which was stopped after {_many(len(default.epochs), 'epoch')}" if default.status == "stopped" else ""
    by = "" if better is None else f": the best trial is {percent(better)} better"
    return f"The default settings, trial {default.number}{early}, reached {value:.4f}{by}."


def _panels(search: Search, importance: Importance) -> Panels | None:
    if not search.trials:
        return None
    figures = [best_so_far_figure(search.trials, search.config), learning_figure(search.trials, search.config)]
    statuses = counts(search.trials)
    caption = (
        "First, the best value of each trial; trials that were stopped or failed had fewer epochs. Then the learning curve of "
        "each trial; where a thin line ends in a dot, the trial was stopped."
    )
    if importance.shares:
        figures.append(importance_figure(importance, search.config))
        caption += (
            " Last, the importance of each setting: how much worse forests predict unseen trials when its values are shuffled. "
            "Bars are means, and lines the range over several forests. Stopped trials count with the value that they reached."
        )
    legend = [LEGEND_OF_BEST, *(entry for status, entry in LEGEND.items() if statuses[status])]
    return Panels(caption, figures, others=legend)


def _parallel_caption(rows: list[TrialRow]) -> str:
    ranked = sum(row.rank is not None for row in rows)
    best = tenth(ranked)
    strong = "the best one strong" if best == 1 else f"the best {best} strong, the very best boldest"
    others = len(rows) - ranked
    without = f" Left out: {_many(others, 'trial')} that failed or had no value." if others else ""
    return (
        f"Each line is a trial and crosses every axis at its value; the last axis is the objective, better values above. "
        f"{ranked} trials, {strong}. Where strong lines meet on an axis, good trials have similar values of that setting."
        f"{without}"
    )


def _settings(search: Search, importance: Importance) -> HtmlTable:
    space = search.config.parsed_space()
    default = space.values_of(search.config.base)
    winner = _winner(search)
    shares = {share.key: share for share in importance.shares}
    labels = short_labels(space.settings)
    rows = []
    for key, distribution in space.settings.items():
        share = shares.get(key)
        rows.append(
            (
                Cell(labels[key], key if labels[key] != key else ""),
                Cell(NONE if winner is None else shown_setting(key, winner.settings[key]), best=winner is not None),
                Cell(shown_setting(key, default[key])),
                Cell(range_words(key, distribution)),
                Cell(NONE) if share is None else Cell(_share(share), _spread(share)),
            )
        )
    note = "" if importance.is_meaningful else importance.words
    columns = ("setting", "best trial", "default", "searched", "importance")
    return HtmlTable("What was searched, and what won", columns, rows, frozenset({1, 2, 3}), note)


def _best(search: Search, rows: list[TrialRow]) -> HtmlTable | None:
    if not rows:
        return None
    labels, space = short_labels(search.config.space), search.config.parsed_space().settings
    words = [place for place, one in enumerate(space.values(), start=5) if not _is_of_numbers(one)]
    columns = ("trial", shown_metric(search.config.objective), "best epoch", "epochs", "took", *labels.values())
    shown = [
        (
            Cell(str(row.number), _STATUS[row.status]),
            Cell(f"{row.value:.4f}", best=row.rank == 1),
            Cell(str(row.best_epoch)),
            Cell(str(row.epochs)),
            Cell(duration(row.seconds)),
            *(Cell(shown_setting(key, row.settings[key])) for key in labels),
        )
        for row in rows[:_SHOWN]
    ]
    title = f"The best {len(shown)} of {len(rows)} trials" if len(rows) > 1 else "The one trial that has a value"
    return HtmlTable(title, columns, shown, frozenset(words))


def _failed(search: Search, rows: list[TrialRow]) -> HtmlTable | None:
    if not rows:
        return None
    labels = short_labels(search.config.space)
    shown = [
        (
            Cell(str(row.number), f"in epoch {row.epochs + 1}"),
            Cell(shortened(row.error, _SHOWN_ERROR) or NONE),
            Cell(_all_settings(labels, row.settings)),
        )
        for row in rows[:_SHOWN]
    ]
    more = len(rows) - len(shown)
    note = f"And {_many(more, 'more trial')} that failed." if more else ""
    return HtmlTable("Trials that failed", ("trial", "why", "settings"), shown, frozenset({1, 2}), note)


def _method(search: Search) -> list[tuple[str, str]]:
    config = search.config
    if config.algorithm == "random":
        proposed = "Drawn at random"
    else:
        proposed = f"By a tree of Parzen estimators (HyperOpt), after {config.random_trials} random ones"
    if config.start:
        proposed += f"; {_many(len(config.start), 'starting point')} tried first"
    if config.halving is None:
        stopping = "None: every trial ran to its end."
    else:
        stopping = (
            f"After {_rungs(search) or 'no epoch'}, by asynchronous successive halving: about one in "
            f"{config.halving.reduction:g} of the trials that were trained so far continues."
        )
    return [
        ("Proposals", f"{proposed}; seed {config.seed}."),
        ("Early stopping", stopping),
        ("Importance", importance_words()),
        (
            "Epochs saved",
            "Those that stopped trials lack. The time they would have taken is an estimate: as long as the "
            "other epochs of the same trial.",
        ),
    ]


def importance_words() -> str:
    """Return how importance is measured, in words."""
    return (
        "Random forests predict the best value of a trial from its settings. The importance of a setting is the increase of "
        "their squared error on unseen trials when its values are shuffled. Failed trials are left out. Trials that were "
        "stopped early count with the best value of fewer epochs, so settings that help at the start of training weigh more "
        "than settings that help at its end."
    )


def range_words(key: str, distribution: Distribution) -> str:
    """Return the range or options of a setting, in words."""
    if isinstance(distribution, Range):
        ends = " to ".join(shown_setting(key, end) for end in distribution.ends())
        return ends + (", logarithmic" if distribution.logarithmic else "")
    return "; ".join(
        range_words(key, option) if isinstance(option, Range) else shown_setting(key, option)
        for option in distribution.options
    )


def _all_settings(labels: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{label} {shown_setting(key, settings[key])}" for key, label in labels.items())


def _share(share: SettingShare) -> str:
    return percent(share.mean, 0)


def _spread(share: SettingShare) -> str:
    return f"{share.low * 100:.0f} to {share.high * 100:.0f}"


def _rungs(search: Search) -> str:
    """Return the numbers of epochs after which trials were compared, in words; empty without early stopping."""
    rungs = search.config.rungs()
    if not rungs:
        return ""
    return " and ".join(filter(None, (", ".join(map(str, rungs[:-1])), _many(rungs[-1], "epoch"))))


def _is_of_numbers(distribution: Distribution) -> bool:
    """Return True if all values of a setting are numbers."""
    return isinstance(distribution, Range) or all(
        isinstance(option, int | float | Range) and not isinstance(option, bool) for option in distribution.options
    )


def _many(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"
