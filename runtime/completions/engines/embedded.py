"""The built-in model's weights unpacked for engines that do not read the form in which they are shipped."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

from runtime.completions.engines.engine import EngineError, last_line

UNPACK = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.quantization_config import GgufConfig
folder, file, made = sys.argv[1:]
AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(made)
AutoModelForCausalLM.from_pretrained(
    folder, gguf_file=file, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
).save_pretrained(made)
"""


def weights_file(folder: Path) -> Path:
    """The file in which the weights are shipped."""
    return min(folder.glob("*.gguf"))


def unpacked_folder(folder: Path) -> Path:
    """Where the unpacked weights lie, once they are."""
    file = weights_file(folder)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "data-recipe"
    return cache / f"{file.stem}-{file.stat().st_size}"


def unpack(folder: Path) -> Path:
    """A folder with the same weights as safetensors, made once for each user; raises EngineError."""
    file, target = weights_file(folder), unpacked_folder(folder)
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.parent / f".{uuid.uuid4().hex}"
        # In a process of its own: a build imports no torch.
        command = [sys.executable, "-c", UNPACK, str(folder), file.name, str(partial)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            message = f"the built-in model cannot be unpacked: {last_line(done.stderr)}"
            raise EngineError(message, "pip install accelerate gguf")
        try:
            partial.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    return target
