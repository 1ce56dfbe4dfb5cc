"""The worker that runs vLLM: every request has a seed of its own, prefixes are cached, completions come as they finish."""

import gc
import json
import os
import sys
import threading
import time
from importlib.metadata import version
from typing import Any

PROTOCOL = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
for name, value in {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_KVCACHE_SPACE": "2",
}.items():
    os.environ.setdefault(name, value)


def say(**line: object) -> None:
    PROTOCOL.write(json.dumps(line) + "\n")


def bind_threads() -> None:
    """Give each thread of torch's CPU build a core of its own; before torch is imported, which reads this then.

    Without, they wait for one another, spinning, on the same core as soon as anything else runs.
    """
    if version("torch").endswith("+cpu"):
        os.environ.setdefault("OMP_PROC_BIND", "true")
        os.environ.setdefault("OMP_PLACES", "threads")


def arguments(settings: dict[str, Any], gpu: bool) -> dict[str, Any]:
    """What vLLM is started with."""
    options = dict(settings["settings"])
    if not gpu:
        # Without a GPU a seeded prompt must not be cut into pieces: vLLM's CPU generator cannot go on in the middle.
        options = {"enforce_eager": True, "block_size": 32, "max_model_len": 2048, "max_num_seqs": settings["window"], **options}
        options.setdefault("max_num_batched_tokens", options["max_num_seqs"] * options["max_model_len"])
    options = {"enable_prefix_caching": True, "generation_config": "vllm", "disable_log_stats": True, **options}
    # Not {**options}: settings that name another model are an error.
    return dict(model=settings["path"], dtype=settings["dtype"] or "auto", **options)


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    try:
        bind_threads()
        import torch
        import vllm
        from vllm import EngineArgs, LLMEngine

        engine = LLMEngine.from_engine_args(EngineArgs(**arguments(settings, torch.cuda.is_available())))
        tokenizer = engine.get_tokenizer()
        from hashlib import sha256

        digest = sha256((tokenizer.chat_template or "").encode()).hexdigest()
        if settings.get("template") not in (None, digest):
            raise ValueError(f"its chat template is {digest}, and the recipe says {settings['template']}")
    except Exception as error:  # noqa: BLE001 - the build ends with it
        say(error=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
        return
    gc.collect()
    gc.freeze()  # what is loaded now stays: looking through it again and again takes several percent of the time
    say(ready=vllm.__version__)
    serve(engine, tokenizer, settings["window"])


def serve(engine: Any, tokenizer: Any, window: int) -> None:
    """Work on so many requests at a time, and step until all are done and none will come; more than those wait here."""
    import queue

    coming: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            coming.put(json.loads(line))
        coming.put(None)

    threading.Thread(target=read, daemon=True).start()
    more, since = True, dict[str, float]()
    while more or engine.has_unfinished_requests():
        while more and (busy := engine.get_num_unfinished_requests()) < window and (not busy or not coming.empty()):
            request = coming.get()
            if request is None:
                more = False
                break
            try:
                add(engine, tokenizer, request)
                since[request["id"]] = time.monotonic()
            except Exception as error:  # noqa: BLE001 - one request fails, the others go on
                say(id=request["id"], failure=type(error).__name__)
        for out in engine.step() if engine.has_unfinished_requests() else ():
            if out.finished:
                reply, seconds = out.outputs[0], time.monotonic() - since.pop(out.request_id)
                counts = {"prompt_tokens": len(out.prompt_token_ids), "completion_tokens": len(reply.token_ids)}
                say(id=out.request_id, text=reply.text, finish_reason=reply.finish_reason or "unknown", seconds=seconds, **counts)


def add(engine: Any, tokenizer: Any, request: dict[str, Any]) -> None:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    options = dict(request["sampling"])
    reasoning = options.pop("reasoning", None)
    switches = {} if reasoning is None else {"enable_thinking": reasoning}
    ids = tokenizer.apply_chat_template(
        request["messages"], tools=request.get("tools"), add_generation_prompt=True, tokenize=True, return_dict=False, **switches
    )
    sampling = SamplingParams(seed=request["seed"], output_kind=RequestOutputKind.FINAL_ONLY, **options)
    engine.add_request(request["id"], {"prompt_token_ids": ids}, sampling)


if __name__ == "__main__":
    main()
