"""The choice of where a run is trained: in this process, or by the workers of Ray."""

from embrec.progress import Progress
from embrec.runs.config import RunConfig
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import Inputs
from embrec.runs.local import choose_device, train_here


def is_local(config: RunConfig, address: str | None) -> bool:
    """Return True if a run is trained in this process: one worker, and no cluster named."""
    return config.training.workers == 1 and address is None


def train_begun(run: RunFolder, inputs: Inputs, address: str | None, progress: Progress) -> None:
    """Train a run whose folder was begun, and leave it complete.

    Args:
        run: its folder.
        inputs: the result of `load_inputs`.
        address: the address of a running Ray cluster; None for this machine.
        progress: the callback that is called after every step.

    Raises:
        ConfigError: the device or the cluster does not exist, or has too few processors or GPUs.
        MissingExtraError: several workers are requested, and Ray is not installed.
        RunError: the training failed.
    """
    config = inputs.config
    if is_local(config, address):
        train_here(run, inputs, choose_device(config.training.device), progress)
        return
    from embrec.runs.on_ray import train_on_ray

    train_on_ray(run, config, inputs.fingerprint, address, progress)
