"""The provenance of a feature table as text: contents, encoder, fitting, versions and cost."""

import numpy as np

from embrec.features.table import ROWS_AT_A_TIME, FeatureTable


def provenance(table: FeatureTable) -> list[tuple[str, str]]:
    """Return (name, value) pairs: contents, encoder, transforms, fitting, versions and cost."""
    about = table.attributes
    identity = about["encoder"]
    rows: list[tuple[str, str]] = [
        ("items", f"{len(table):,}, {int(table.present.sum()):,} with a vector"),
        ("vectors", f"{table.dim} x {table.vectors.dtype}, density {about['density']:.4f}, length {_lengths(table)}"),
        ("files", f"{len(table.files)}, {table.bytes / 1e6:,.1f} MB"),
        ("encoder", f"{identity['name']}, version {identity['version']}"),
        ("weights", identity["weights"] or "none"),
        ("parameters", _pairs(identity["params"])),
    ]
    for step in identity.get("transforms", ()):
        state = f", state {step['weights']}" if step["weights"] else ""
        rows.append(("transform", f"{step['name']}, version {step['version']}; {_pairs(step['params'])}{state}"))
    fitted = f"{about['fitted_items']:,} items (set {about['fitted_on']})" if about["fitted_on"] else "nothing to fit"
    rows.append(("fitted on", fitted))
    rows.append(("libraries", ", ".join(f"{name} {version}" for name, version in sorted(about["versions"].items()))))
    if about["seconds"] is not None:
        rows.append(
            (
                "cost",
                f"{about['seconds']:.1f} s, of these {about['encoding']:.1f} s to encode {about['encoded']:,} contents",
            )
        )
        rows.append(("finished", f"{about['finished']} on {about['machine']}"))
    rows += [("unreadable", f"{item}: {reason}") for item, reason in list(about["unreadable"].items())[:5]]
    return rows


def _pairs(params: dict[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in params.items()) or "none"


def _lengths(table: FeatureTable) -> str:
    """Return minimum, maximum and mean length of a sample of the vectors, as text."""
    rows = np.flatnonzero(table.present)[: ROWS_AT_A_TIME * 8 : 8]
    if not len(rows):
        return "-"
    lengths = np.linalg.norm(table.vectors[rows].astype(np.float32), axis=1)
    return f"{lengths.min():.3g} to {lengths.max():.3g}, mean {lengths.mean():.3g}"
