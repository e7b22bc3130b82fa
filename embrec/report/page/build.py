"""`embrec report`: one page of one or several runs, self-contained, made from what their folders and the evaluator say."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from embrec.errors import ConfigError, FeatureError
from embrec.evaluation.belonging import Ground, common_ground
from embrec.evaluation.evaluator import EvaluationConfig, protocol_for, undefined_notes
from embrec.evaluation.runs import BASELINES, evaluate_runs, learning_notes, present_features
from embrec.evaluation.slices import target_slices
from embrec.files import write_text
from embrec.progress import Progress, silent
from embrec.report.figures import require_matplotlib
from embrec.report.page.compose import compose
from embrec.report.page.material import LIST, Material, Run, read_run, read_search
from embrec.report.page.render import require_jinja
from embrec.report.pictures import require_pillow
from embrec.report.record import circumstances
from embrec.training.run import RunFolder, load_model
from embrec.training.sources import find_tables


def build_report(
    folders: Sequence[RunFolder],
    output: Path,
    *,
    baselines: Sequence[str] | None = None,
    config: EvaluationConfig | None = None,
    seed: int = 0,
    command: str = "",
    progress: Progress = silent,
) -> Path:
    """Write the page of one or several runs of one category and split; the first is what the others are compared with.

    Args:
        folders: the runs.
        output: the file to write.
        baselines: names from `BASELINES`; None for all that these runs have the features for.
        config: the protocol; that of the first run if None.
        seed: of the examples that are drawn.
        command: that makes this page again.
        progress: told of every step.

    Raises:
        ConfigError: the file cannot be written there, a baseline is unknown, or the seed is negative.
        MissingExtraError: what draws and fills pages is not installed.
        RunError: a run is not finished or was trained on other data than its category holds now, or the runs differ in category
            or split.
    """
    for require in (require_jinja, require_matplotlib, require_pillow):
        require()
    if seed < 0:
        raise ConfigError(f"seed {seed} is negative; use 0 or more")
    _check_output(output)
    runs = tuple(read_run(folder) for folder in {folder.path.resolve(): folder for folder in folders}.values())
    category = runs[0].folder.category
    ground = common_ground([run.folder for run in runs])
    notes: list[str] = []
    if baselines is None:
        baselines, notes = _usable_baselines(runs, ground)
        taken = [run.name for run in runs if run.name in baselines]
        baselines = [name for name in baselines if name not in taken]
        notes += [f"The baseline {name} is left out: a run has its name." for name in taken]
    search, missing = read_search(runs)
    evaluations = evaluate_runs([run.folder for run in runs], baselines, config, progress, keep=LIST, ground=ground)
    dataset, partition = ground.dataset, ground.partition
    present = present_features([run.folder for run in runs], dataset, partition)
    learning = learning_notes([run.folder for run in runs], dataset, partition)
    material = Material(
        category=category.name,
        dataset=dataset,
        partition=partition,
        config=protocol_for(config or runs[0].config.evaluation, len(dataset.catalog)),
        runs=runs,
        evaluations=evaluations,
        slices=target_slices(dataset.interactions, partition, evaluations[runs[0].name], present),
        vectors=load_model(runs[0].folder).item_matrix[1:].float().numpy(),
        seed=seed,
        command=command,
        created=_today(),
        notes=(
            *(f"{note[:1].upper()}{note[1:]}." for note in ground.notes),
            *notes,
            *missing,
            *(f"{note}." for note in learning),
            *undefined_notes({name: [one] for name, one in evaluations.items()}),
        ),
        search=search,
    )
    page = compose(material, circumstances(dataset, partition, category, command), progress)
    write_text(output, page)
    return output


def _check_output(output: Path) -> None:
    """Raise before hours of work if the file cannot be written.

    Raises:
        ConfigError: it cannot.
    """
    if output.is_dir():
        raise ConfigError(f"{output} is a folder; name the file to write, such as -o {output / 'report.html'}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise ConfigError(f"cannot write {output} ({error.strerror}); name a file in another folder with -o") from None


def _usable_baselines(runs: Sequence[Run], ground: Ground) -> tuple[list[str], list[str]]:
    """Return the baselines that can be computed, and for the others why not."""
    features = next((run.config.model.features for run in runs if run.config.model.features), ())
    if not features:
        return ["pop"], ["Content kNN is left out: none of these runs reads any content."]
    try:
        find_tables(runs[0].folder.category, features, ground.dataset.catalog, ground.partition.train_items)
    except FeatureError as error:
        return ["pop"], [f"Content kNN is left out: {error}"]
    return list(BASELINES), []


def _today() -> str:
    now = datetime.now(UTC)
    return f"{now.day} {now:%B %Y}"
