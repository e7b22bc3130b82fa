"""The HTML report of one or several runs: reads and evaluates the runs, and writes one self-contained page."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from embrec.comparisons.figures import require_matplotlib
from embrec.comparisons.provenance import circumstances
from embrec.comparisons.seeds import same_but_for_seed
from embrec.errors import ConfigError
from embrec.evaluation.cautions import cautions, shown_metrics
from embrec.evaluation.evaluator import EvaluationConfig, protocol_for
from embrec.evaluation.slices import target_slices
from embrec.files import check_output, write_text
from embrec.progress import Progress, silent
from embrec.report.page.compose import compose
from embrec.report.page.context import LIST, PageContext, read_run, read_search
from embrec.report.page.render import require_jinja
from embrec.report.pictures import require_pillow
from embrec.runs.baselines import usable_baselines
from embrec.runs.belonging import common_ground
from embrec.runs.evaluate import evaluate_runs, learning_notes, present_features
from embrec.runs.folder import RunFolder
from embrec.runs.model import catalog_vectors, load_model


def build_report(
    folders: Sequence[RunFolder],
    output: Path,
    *,
    baselines: Sequence[str] | None = None,
    config: EvaluationConfig | None = None,
    seed: int = 0,
    command: str = "",
    other_log: bool = False,
    progress: Progress = silent,
) -> Path:
    """Write the report of one or several runs of one category and split.

    Args:
        folders: folders of the runs; the first run is the reference of all comparisons.
        output: file to write; `.html` is added to a name without a suffix, and missing folders are made.
        baselines: names of baselines; None for all that can be computed, see `usable_baselines`.
        config: protocol of the evaluation; that of the first run if None.
        seed: seed of the selected examples.
        command: command line to show on the page.
        other_log: True to allow runs that were trained on another log than their category holds now; see `common_ground`.
        progress: callback for the progress of evaluation and sections.

    Returns:
        Path of the written file.

    Raises:
        ConfigError: the file cannot be written, a baseline is unknown, or the seed is negative.
        MissingExtraError: jinja2, matplotlib or Pillow is not installed.
        RunError: a run is not finished, its category now holds other data than it was trained on, or the runs differ in
            category or split.
    """
    for require in (require_jinja, require_matplotlib, require_pillow):
        require()
    if seed < 0:
        raise ConfigError(f"seed {seed} is negative; use 0 or more")
    output = output if output.suffix or output.is_dir() else output.with_suffix(".html")
    check_output(output, (".html", ".htm"), "report.html")
    runs = tuple(read_run(folder) for folder in {folder.path.resolve(): folder for folder in folders}.values())
    category = runs[0].folder.category
    ground = common_ground([run.folder for run in runs], other_log=other_log)
    baselines, notes = usable_baselines([run.folder for run in runs], baselines, ground.prepared)
    search, missing = read_search(runs)
    evaluations = evaluate_runs([run.folder for run in runs], baselines, config, progress, keep=LIST, ground=ground)
    dataset, partition = ground.dataset, ground.partition
    present = present_features([run.folder for run in runs], dataset, partition)
    learning = learning_notes([run.folder for run in runs], dataset, partition)
    protocol = protocol_for(config or runs[0].config.evaluation, len(dataset.catalog))
    seeds = {name: [one] for name, one in evaluations.items()}
    context = PageContext(
        category=category.name,
        prepared=ground.prepared,
        config=protocol.model_copy(update={"metrics": shown_metrics(protocol.metrics, evaluations[runs[0].name])}),
        runs=runs,
        evaluations=evaluations,
        slices=target_slices(dataset.interactions, partition, evaluations[runs[0].name], present),
        vectors=catalog_vectors(load_model(runs[0].folder)),
        seed=seed,
        command=command,
        created=_today(),
        notes=(
            *(f"{note[:1].upper()}{note[1:]}." for note in ground.notes),
            *notes,
            *missing,
            *(f"{note}." for note in learning),
            *(f"Caution: {line}." for line in cautions(seeds, protocol.metrics)),
        ),
        search=search,
        seeds={
            name: tuple(run.name for run in group)
            for name, group in same_but_for_seed([run.folder for run in runs], ground.made_of, baselines).items()
        },
    )
    page = compose(context, circumstances(dataset, partition, category, command), progress)
    write_text(output, page)
    return output


def _today() -> str:
    now = datetime.now(UTC)
    return f"{now.day} {now:%B %Y}"
