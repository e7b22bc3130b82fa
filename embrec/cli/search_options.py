"""Options of `embrec tune`: the searched categories, the search, its final models and its resources."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from embrec.cli.completion import complete_category
from embrec.cli.options import OptionGroup, Workspace

if TYPE_CHECKING:
    from embrec.tuning.resources import Resources
    from embrec.workspace import Category


class SearchedData(OptionGroup):
    """The categories that are searched, each on its own, and the workspace that holds them."""

    at_end: ClassVar[tuple[str, ...]] = ("workspace",)

    category: Annotated[
        list[str] | None,
        typer.Option(
            "--category",
            help="Name of a prepared data set; may be repeated (default: the only one).",
            autocompletion=complete_category,
        ),
    ] = None
    every: Annotated[bool, typer.Option("--all", help="Search each category of the workspace.")] = False
    workspace: Workspace = None

    def open(self) -> "list[Category]":
        """Return the categories."""
        from embrec.cli.places import open_workspace

        return open_workspace(self.workspace).choose_several(self.category or [], every=self.every)


class SearchOptions(OptionGroup):
    """The space of a search, its budget and its algorithm."""

    at_end: ClassVar[tuple[str, ...]] = ("name", "resume")

    space: Annotated[
        str | None,
        typer.Option(
            help="Search space: default (one that suits model and loss), a YAML file, or a published space: "
            "embrec-cross-entropy, embrec-bpr, embrec-bpr-max, embrec-cosine, gru4rec-embrec (each brings its preset)."
        ),
    ] = None
    objective: Annotated[
        str | None,
        typer.Option(help="Validation metric to optimise: hr@K, ndcg@K, auc ... (default: {training.select_by})."),
    ] = None
    samples: Annotated[
        int | None, typer.Option(help="Number of trials (default: that of the space, else {search.samples}).")
    ] = None
    epochs: Annotated[
        int | None,
        typer.Option(help="Maximum number of epochs of a trial (default: that of the space, else {training.epochs})."),
    ] = None
    grace: Annotated[int | None, typer.Option(help="Number of epochs before a trial may be stopped (default: 3).")] = (
        None
    )
    reduction: Annotated[
        float | None,
        typer.Option(
            help="ASHA reduction factor N: each rung keeps the best 1/N trials and gives them N times the epochs "
            "(default: {search.reduction})."
        ),
    ] = None
    no_stop: Annotated[bool, typer.Option("--no-stop", help="Run every trial to its end.")] = False
    algorithm: Annotated[
        str | None, typer.Option(help="Algorithm that proposes trials: tpe (HyperOpt's, default) or random.")
    ] = None
    no_start: Annotated[
        bool, typer.Option("--no-start", help="Begin with random trials, not with the defaults and published settings.")
    ] = False
    seed: Annotated[int | None, typer.Option(help="Seed of the proposals (default: 0).")] = None
    name: Annotated[
        str | None,
        typer.Option(help="Name of the search and its runs (default: tuned-, then item source, features and loss)."),
    ] = None
    resume: Annotated[
        str | None,
        typer.Option(help="Name of a search to continue with its own settings; a greater --samples adds trials."),
    ] = None

    def plan(self) -> dict[str, Any]:
        """Return the arguments of `plan_search` that these options give."""
        return {
            "space": self.space or "default",
            "name": self.name,
            "objective": self.objective,
            "samples": self.samples,
            "epochs": self.epochs,
            "grace": self.grace,
            "reduction": self.reduction,
            "halving": not self.no_stop,
            "algorithm": self.algorithm or "tpe",
            "warm": not self.no_start,
            "seed": self.seed or 0,
        }


class FinalOptions(OptionGroup):
    """The models that are trained with the best settings at the end of a search."""

    seeds: Annotated[
        str | None,
        typer.Option(help="Seeds of the models trained with the best settings in the end, or none (default: 0,1,2)."),
    ] = None
    final_epochs: Annotated[
        int | None, typer.Option(help="Maximum number of epochs of those models (default: that of a trial).")
    ] = None
    final_on: Annotated[
        str | None,
        typer.Option(
            help="Events that they learn from: train (default), or train+validation, for the best trial's best number of "
            "epochs."
        ),
    ] = None

    def read_seeds(self) -> tuple[int, ...] | None:
        """Return the seeds, empty where no model is wanted; None where they are not given."""
        from embrec.runs.seeds import parse_seeds

        if self.seeds is None:
            return None
        return () if self.seeds == "none" else tuple(parse_seeds(self.seeds))

    def plan(self) -> dict[str, Any]:
        """Return the arguments of `plan_search` that these options give."""
        seeds = self.read_seeds()
        return {
            "seeds": (0, 1, 2) if seeds is None else seeds,
            "final_epochs": self.final_epochs,
            "final_on": self.final_on or "train",
        }

    def changes(self) -> dict[str, Any]:
        """Return what these options change of a search that is resumed; None where an option is not given."""
        return {"seeds": self.read_seeds(), "final_epochs": self.final_epochs, "final_on": self.final_on}


class ResourceOptions(OptionGroup):
    """The processors and GPUs that a search uses."""

    concurrent: Annotated[
        int | None,
        typer.Option(help="Number of trials at once (default: the number of processors or GPUs)."),
    ] = None
    threads: Annotated[int, typer.Option(help="Number of processors of each trial.")] = 1
    per_gpu: Annotated[int, typer.Option(help="Number of trials that share a GPU.")] = 1
    device: Annotated[str, typer.Option(help="Device: auto, cpu or cuda.")] = "auto"
    address: Annotated[
        str | None, typer.Option(help="Address of a running Ray cluster (default: one is started here).")
    ] = None

    def resources(self) -> "Resources":
        """Return the resources; this machine is checked for room for one trial."""
        from embrec.tuning.resources import Resources

        found = Resources(**vars(self))
        found.check_here()
        return found


# Options that a resumed search takes: how it runs, how far it goes, and the space that it is checked against.
_WITH_RESUME = {"resume", "workspace", "samples", "space", *vars(FinalOptions()), *vars(ResourceOptions())}


def refuse_with_resume(context: typer.Context) -> None:
    """Raise a ConfigError if an option is given that would change a search that is resumed."""
    from embrec.errors import ConfigError

    for option in context.command.params:
        if context.params.get(str(option.name)) and option.name not in _WITH_RESUME:
            raise ConfigError(
                f"--resume goes on with a search as it was begun; leave out {option.opts[0]}, or begin another search with "
                "--name"
            )
