"""What a training's worker loads, loaded once for all workers that are forked from the process that imports this."""

import importlib.util
import os
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # libraries read it when they are loaded

if importlib.util.find_spec("trl") is not None:
    import transformers

    import runtime.training.likelihood
    import runtime.training.result
    import runtime.training.states
    import runtime.training.worker  # noqa: F401
    from tests.training_runs import tiny_model

    transformers.utils.logging.disable_progress_bar()  # which starts a thread, that no child would have
    with tempfile.TemporaryDirectory() as folder:  # what a first model makes transformers prepare is prepared
        transformers.AutoModelForCausalLM.from_pretrained(tiny_model(Path(folder)))
