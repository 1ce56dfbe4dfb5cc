"""What is set before libraries are loaded: no network, no telemetry, and sums in the same order every time."""

from __future__ import annotations

import os
from pathlib import Path


def fix_environment(folder: Path, threads: int, processes: int) -> None:
    """Set the environment that libraries read when they are loaded."""
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "WANDB_LOG_MODEL": "false",
        "WANDB_DIR": str(folder),
        "TRACKIO_DIR": str(folder / "trackio"),
        "TENSORBOARD_LOGGING_DIR": str(folder / "tensorboard"),
    }
    if processes == 1:
        # Several GPUs that one process sees would make it copy the model to each.
        os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]


def fix_order(threads: int) -> None:
    """Sums in the same order every time, on a CPU; on a GPU that would take other and slower kernels."""
    import datasets
    import torch
    import transformers

    torch.set_num_threads(threads)
    if not torch.cuda.is_available():
        torch.use_deterministic_algorithms(True)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    datasets.disable_caching()
