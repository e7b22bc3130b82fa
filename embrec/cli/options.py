"""Options that several commands share, so that they read alike everywhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from embrec.data.splits import SplitConfig

Category = Annotated[str, typer.Option("--category", help="Name of a prepared data set.")]
Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        help="Folder of all categories (default: $EMBREC_WORKSPACE, else ./workspace).",
        show_default=False,
    ),
]
SplitKind = Annotated[
    str, typer.Option("--split", help="leave-one-out, or item-holdout: the same with some items kept from training.")
]
HoldoutFraction = Annotated[float, typer.Option(help="item-holdout: share of the items.")]
HoldoutChoose = Annotated[str, typer.Option(help="item-holdout: random items, or the newest.")]
HoldoutSeed = Annotated[int, typer.Option(help="item-holdout: of the random choice.")]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset", help="A published or measured setting, such as embrec-office; several with + between them."
    ),
]
Seeds = Annotated[
    str, typer.Option("--seeds", help="How many models each gets, with seeds from 0 (3), or their seeds (0,1,2).")
]


def read_seeds(text: str) -> int | tuple[int, ...]:
    """Return how many seeds, or which ones.

    Raises:
        ConfigError: the text is neither a number nor numbers with commas between them.
    """
    from embrec.errors import ConfigError

    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--seeds is {text!r}; give how many (3), or which (0,1,2)") from None
    return numbers if "," in text else numbers[0]


def make_split(kind: str, fraction: float, choose: str, seed: int) -> "SplitConfig":
    """Return the split that these options name.

    Raises:
        ConfigError: the kind is unknown or a value not allowed.
    """
    from pydantic import TypeAdapter, ValidationError

    from embrec.data.splits import SplitConfig
    from embrec.errors import ConfigError

    values: dict[str, object] = {"kind": kind}
    if kind == "item-holdout":
        values |= {"fraction": fraction, "choose": choose, "seed": seed}
    try:
        split: SplitConfig = TypeAdapter(SplitConfig).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--split" if first["type"] == "union_tag_invalid" else f"--holdout-{first['loc'][-1]}"
        value = kind if option == "--split" else first["input"]
        expected = first.get("ctx", {}).get("expected_tags") or first["msg"]
        raise ConfigError(f"{option} is {value!r}; allowed: {expected}") from None
    return split
