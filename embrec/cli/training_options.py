"""Options of the model and its training, shared by `embrec train` and `embrec tune`."""

from typing import Annotated, Any, ClassVar

import typer

from embrec.cli.options import OptionGroup, Preset, settings_option

# Settings of the configuration that have an option of their own, by the field of the option.
SETTINGS = {
    "model": "model.kind",
    "features": "model.features",
    "source": "model.source",
    "loss": "training.loss",
    "negatives": "training.negatives.count",
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "cell": "model.cell",
    "dropout": "model.dropout",
    "seed": "training.seed",
    "device": "training.device",
    "workers": "training.workers",
}


class ModelOptions(OptionGroup):
    """The model, its loss and the settings that the command line changes."""

    at_end: ClassVar[tuple[str, ...]] = ("setting",)

    model: Annotated[
        str | None, typer.Option("--model", help="Kind of model: {model.kinds} (default: {model.kind}).")
    ] = None
    features: Annotated[
        list[str] | None,
        typer.Option(
            "--features",
            help="Feature table by encoder name; may be repeated (default: all that fit the split, of which a search chooses; "
            "built where there is none).",
        ),
    ] = None
    source: Annotated[
        str | None,
        typer.Option(
            help="What an item is known by: content, id, or hybrid (content + a residual of identity; default: "
            "{model.sources})."
        ),
    ] = None
    preset: Preset = None
    loss: Annotated[
        str | None,
        typer.Option(
            help="{training.losses}; its parameters by --set training.loss.NAME=VALUE (default: {training.loss})."
        ),
    ] = None
    negatives: Annotated[
        str | None,
        typer.Option(
            help="Number of negatives drawn at each step, or all; more by --set training.negatives.NAME=VALUE "
            "(default: {training.negatives})."
        ),
    ] = None
    setting: Annotated[
        list[str] | None,
        settings_option("Any other setting, such as model.dim=256; may be repeated (all of them: embrec settings)."),
    ] = None

    def wishes(self) -> dict[str, Any]:
        """Return the settings that these options change, by dotted key; None where an option is not given."""
        found = {SETTINGS[field]: getattr(self, field) for field in ("model", "source", "loss", "negatives")}
        if self.negatives is not None and self.negatives.isdecimal():
            found["training.negatives.count"] = int(self.negatives)
        return found


class TrainingOptions(OptionGroup):
    """The training of one model, and the processors that it uses."""

    epochs: Annotated[int | None, typer.Option(help="Maximum number of epochs (default: {training.epochs}).")] = None
    batch_size: Annotated[
        int | None, typer.Option(help="Number of histories in a batch (default: {training.batch_size}).")
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate of the optimiser (default: {training.learning_rate}).")
    ] = None
    cell: Annotated[
        str | None, typer.Option(help="GRU cell: published (the paper's) or fast (torch's; default: {model.cell}).")
    ] = None
    dropout: Annotated[
        float | None,
        typer.Option(help="Share of the sequence model's outputs dropped in training (default: {model.dropout})."),
    ] = None
    seed: Annotated[
        int | None, typer.Option(help="Seed of weights, batches and dropout (default: {training.seed}).")
    ] = None
    seeds: Annotated[
        str | None,
        typer.Option(help="Seeds of several runs, such as 0,1,2: trains RUN-s0, RUN-s1 ... and prints their mean."),
    ] = None
    device: Annotated[
        str | None, typer.Option(help="Device: auto, cpu, cuda or cuda:N (default: {training.device}).")
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            help="Number of processes that share each batch, on a processor or GPU each, through Ray "
            "(default: {training.workers})."
        ),
    ] = None
    address: Annotated[
        str | None,
        typer.Option(help="Address of a running Ray cluster to train on (default: workers are started here)."),
    ] = None

    def wishes(self) -> dict[str, Any]:
        """Return the settings that these options change, by dotted key; None where an option is not given."""
        return {SETTINGS[field]: value for field, value in vars(self).items() if field in SETTINGS}

    def each_seed(self) -> list[int]:
        """Return the seeds of several runs; empty for one run.

        Raises:
            ConfigError: both `--seed` and `--seeds` are given, or the seeds are not whole numbers.
        """
        from embrec.errors import ConfigError
        from embrec.runs.seeds import parse_seeds

        if self.seed is not None and self.seeds is not None:
            raise ConfigError("--seed is for one run and --seeds for several; give one of both")
        return parse_seeds(self.seeds) if self.seeds is not None else []
