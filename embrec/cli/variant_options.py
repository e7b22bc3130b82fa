"""Options of the commands that train variants of one model with several seeds and compare them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from embrec.cli.options import Category, OptionGroup, Preset, Seeds, Split, Workspace, metric_option, settings_option

if TYPE_CHECKING:
    from embrec.comparisons.request import ComparisonRequest
    from embrec.data.splits import SplitConfig
    from embrec.progress import Progress
    from embrec.workspace import Category as CategoryFolder


class VariantRuns(OptionGroup):
    """The settings that all variants share: their data, seeds, metrics and configuration, and where the comparison goes."""

    at_end: ClassVar[tuple[str, ...]] = (
        "seeds",
        "epochs",
        "metric",
        "split",
        "preset",
        "setting",
        "name",
        "output",
        "workspace",
    )

    category: Category = None
    seeds: Seeds = "3"
    epochs: Annotated[int | None, typer.Option(help="Maximum number of epochs, the same for all variants.")] = None
    metric: Annotated[
        list[str] | None, metric_option("hr@K, ndcg@K, mrr@K or auc; may be repeated (default: auc, hr@50).")
    ] = None
    split: Split = "leave-one-out"
    setting: Annotated[
        list[str] | None, settings_option("Any other setting, such as model.dim=256; may be repeated.")
    ] = None
    name: Annotated[
        str | None, typer.Option(help="Name of the comparison (default: one for each configuration and data).")
    ] = None
    output: Annotated[
        Path | None, typer.Option(help="Folder of the report (default: CATEGORY/comparisons/NAME in the workspace).")
    ] = None
    workspace: Workspace = None

    def open(self) -> "CategoryFolder":
        """Return the category that is named, or the only one."""
        from embrec.cli.places import open_category

        return open_category(self.category, self.workspace)

    def read_seeds(self) -> int | tuple[int, ...]:
        """Return the number of seeds, or the seeds.

        Raises:
            ConfigError: the text is neither a number nor numbers with commas between them.
        """
        from embrec.errors import ConfigError

        try:
            numbers = tuple(int(part) for part in self.seeds.split(","))
        except ValueError:
            raise ConfigError(f"--seeds is {self.seeds!r}; give how many (3), or which (0,1,2)") from None
        return numbers if "," in self.seeds else numbers[0]

    def read_split(self) -> "SplitConfig":
        """Return the split."""
        from embrec.data.splits import parse_split

        return parse_split(self.split)

    def request(
        self,
        category: "CategoryFolder",
        progress: "Progress",
        *,
        features: list[str] | None = None,
        reference: str | None = None,
    ) -> "ComparisonRequest":
        """Return the request of a comparison.

        Args:
            category: the category.
            progress: callback, called at every step.
            features: encoders that every model of content reads.
            reference: variant that the others are compared with.
        """
        from embrec.cli.console import print_note
        from embrec.cli.printing import command_line
        from embrec.comparisons.request import ComparisonRequest

        return ComparisonRequest(
            category,
            features=features or (),
            split=self.read_split(),
            preset=getattr(self, "preset", None),
            epochs=self.epochs,
            settings=self.setting or (),
            seeds=self.read_seeds(),
            metrics=self.metric or (),
            reference=reference,
            name=self.name,
            output=self.output,
            command=command_line(),
            on_choice=print_note,
            progress=progress,
        )


class EncoderRuns(VariantRuns):
    """The settings that the models of all encoders share."""

    metric: Annotated[
        list[str] | None,
        metric_option("hr@K, ndcg@K, mrr@K or auc; may be repeated (default: auc, hr@10, hr@50, ndcg@10)."),
    ] = None
    split: Split = "item-holdout"
    preset: Preset = None


class ObjectiveRuns(VariantRuns):
    """The settings that the models of all losses, or of all numbers of negatives, share."""

    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            help="Preset of all losses, none for the defaults (default: the preset of each loss, such as embrec-bpr).",
        ),
    ] = None
    setting: Annotated[
        list[str] | None,
        settings_option(
            "Any other setting, such as model.dim=256, or bpr:training.learning_rate=1e-3 for one loss alone."
        ),
    ] = None


class ModelRuns(VariantRuns):
    """The settings that the models of different kinds share."""

    metric: Annotated[
        list[str] | None,
        metric_option("hr@K, ndcg@K, mrr@K or auc; may be repeated (default: ndcg@10, hr@10, auc)."),
    ] = None
    setting: Annotated[
        list[str] | None,
        settings_option("Setting of all models, such as training.batch_size=256 or model.dim=64; may be repeated."),
    ] = None


class ObjectiveOptions(OptionGroup):
    """The options that comparisons of losses and of negatives add to the shared settings."""

    features: Annotated[
        list[str] | None,
        typer.Option(
            "--features",
            help="Feature table that every model reads, such as tfidf+svd:dim=250 (the paper's); may be repeated (default: the "
            "feature tables there, else those of embrec features build).",
        ),
    ] = None
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Add the variant of the published code: negatives without the batch's labels, drawn once.",
        ),
    ] = False
