"""What a training's worker loads, loaded once for all workers that are forked from the process that imports this."""

import gc
import importlib.util
import os

os.environ["HF_HUB_OFFLINE"] = "1"  # libraries read it when they are loaded

if importlib.util.find_spec("trl") is not None:
    import runtime.training.likelihood
    import runtime.training.result
    import runtime.training.states
    import runtime.training.worker  # noqa: F401

    gc.collect()
    gc.freeze()  # what is loaded stays; a child that collects garbage would walk, and so copy, all of it
