"""ComparisonRequest: the options that all ways to train and compare share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from embrec.comparisons.figures import check_drawable
from embrec.data.splits import LeaveOneOut, SplitConfig
from embrec.errors import ConfigError
from embrec.features.category import specs_or_defaults
from embrec.progress import Progress, silent
from embrec.runs.planning import UNKNOWN_TABLE
from embrec.workspace import Category, check_name


def ignore_line(line: str) -> None:
    """Ignore a line about what was chosen."""


@dataclass(frozen=True)
class ComparisonRequest:
    """A request for a comparison: data, shared options of all variants, metrics, and the place of the report.

    Finished work is reused: feature tables, finished runs (of this comparison or another one), and their
    rankings. Killed and repeated, a comparison ends with the same report. Variants and seeds that a comparison has from before
    stay in it. A variant that fails does not stop the others.

    Attributes:
        category: the prepared data, or its name.
        features: specs of the encoders that every model of content reads; missing tables are built. If empty and some model
            reads content: those of the feature tables that fit the split, else those that suit the catalog.
        split: split of the data.
        preset: preset of all variants; None for the choice of each variant, `none` for the defaults.
        epochs: largest number of epochs; that of the preset if None.
        settings: settings of all variants, such as `model.dim=256`.
        seeds: seeds of the models of each variant, or their number, with seeds from 0.
        metrics: names such as `ndcg@10`; if empty, the defaults of the kind of comparison.
        reference: variant that the others are compared with; the first if None.
        name: name of the comparison; one for each configuration and data if None.
        output: folder of the report; the folder of the comparison if None.
        command: command line to record in the report.
        on_choice: callback that receives one line about encoders that are chosen because none is named.
        progress: callback, called at every step.

    Examples:
        >>> request = ComparisonRequest("beauty", seeds=(0, 1), epochs=10, metrics=("ndcg@10",))
        >>> request.seed_numbers
        (0, 1)
    """

    category: Category | str
    features: Sequence[str] = ()
    split: SplitConfig = field(default_factory=LeaveOneOut)
    preset: str | None = None
    epochs: int | None = None
    settings: Sequence[str] = ()
    seeds: int | Sequence[int] = 3
    metrics: Sequence[str] = ()
    reference: str | None = None
    name: str | None = None
    output: Path | None = None
    command: str = ""
    on_choice: Callable[[str], None] = ignore_line
    progress: Progress = silent

    @property
    def folder(self) -> Category:
        """The folder of the category."""
        return Category.of(self.category)

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The seeds of each variant's models, from the lowest.

        Raises:
            ConfigError: there are none, or one is negative.
        """
        seeds = self.seeds
        numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(sorted(set(seeds)))
        if not numbers:
            raise ConfigError(f"seeds is {seeds}: train at least one model each")
        if numbers[0] < 0:
            raise ConfigError(f"seed {numbers[0]} is negative; use 0 or more")
        return numbers

    def check(self, subject: str) -> None:
        """Raise what is wrong with the request itself, before any data are read.

        Args:
            subject: the way to compare.

        Raises:
            ConfigError: the output is no folder, a seed is negative, or the name is not usable.
            MissingExtraError: the figure cannot be drawn.
        """
        check_drawable(self.output)
        _ = self.seed_numbers  # which raises
        check_name("comparison", self.name or subject)


def choose_features(
    request: ComparisonRequest, reads: bool, check: Callable[[ComparisonRequest], None]
) -> ComparisonRequest:
    """Return a request with encoders, where it names none and some model reads content.

    Args:
        request: as it was made.
        reads: True if some model reads the feature tables that all share.
        check: raises what is wrong with the variants of a request; called before the data are read.

    Raises:
        ConfigError: from `check`, or no encoder suits the catalog.
    """
    if request.features or not reads:
        return request
    check(replace(request, features=(UNKNOWN_TABLE,)))
    specs = specs_or_defaults(request.folder, request.split, on_choice=request.on_choice)
    return replace(request, features=tuple(specs))
