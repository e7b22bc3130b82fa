"""Parameters in the messages of the library: named as Python code in backticks, which the command line shows as its options.

A message such as "the name is taken; choose another `name='...'` or start over with `force=True`" suits a caller in Python.
`embrec.cli` shows it with `--run ...` and `--force`, so no module of the library needs to know an option.
"""

from typing import Any

_NOT_GIVEN = object()


def parameter(name: str, value: Any = _NOT_GIVEN) -> str:
    """Return the notation of a parameter of a public function, or of a setting, for a message.

    Args:
        name: name of the parameter (`time_unit`), or dotted key of a setting (`training.select_by`).
        value: proposed or rejected value; left out if not given.

    Returns:
        Python code in backticks.

    Examples:
        >>> parameter("force", True)
        '`force=True`'
        >>> parameter("training.select_by", "auc")
        "`training.select_by='auc'`"
        >>> parameter("time_column")
        '`time_column`'
    """
    return f"`{name}`" if value is _NOT_GIVEN else f"`{name}={value!r}`"


def call(function: str, **arguments: Any) -> str:
    """Return the notation of a call of a public function or class, for a message.

    Args:
        function: name of the function or class.
        arguments: keyword arguments of the call.

    Examples:
        >>> call("build_features", category="office", encoders=["tfidf"])
        "`build_features(category='office', encoders=['tfidf'])`"
    """
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"`{function}({given})`"
