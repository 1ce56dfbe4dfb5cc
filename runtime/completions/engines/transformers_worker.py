"""The worker that samples with plain transformers: one request at a time, each from a generator of its own."""

import json
import os
import sys
from typing import Any

PROTOCOL = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def say(**line: object) -> None:
    PROTOCOL.write(json.dumps(line) + "\n")


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    try:
        import torch
        import transformers

        transformers.utils.logging.set_verbosity_error()
        dtype = getattr(torch, settings["dtype"] or "float32")
        path = settings["path"]
        tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=dtype, use_safetensors=True)
        model.eval()
        complain_template(tokenizer, settings.get("template"))
    except Exception as error:  # noqa: BLE001 - the build ends with it
        say(error=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
        return
    say(ready=f"{transformers.__version__} {dtype}".replace("torch.", ""))
    for line in sys.stdin:
        request = json.loads(line)
        try:
            say(id=request["id"], **complete(model, tokenizer, request))
        except Exception as error:  # noqa: BLE001 - one request fails, the others go on
            say(id=request["id"], failure=type(error).__name__)


def complain_template(tokenizer: object, wanted: str | None) -> None:
    """Raises ValueError where the chat template is not the one that the recipe declares."""
    import hashlib

    digest = hashlib.sha256((getattr(tokenizer, "chat_template", None) or "").encode()).hexdigest()
    if wanted is not None and digest != wanted:
        raise ValueError(f"its chat template is {digest}, and the recipe says {wanted}")


def complete(model: Any, tokenizer: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Sample one completion, token by token."""
    import torch

    sampling, generator = request["sampling"], torch.Generator().manual_seed(request["seed"])
    switches = {} if sampling.get("reasoning") is None else {"enable_thinking": sampling["reasoning"]}
    prompt = tokenizer.apply_chat_template(
        request["messages"], tools=request.get("tools"), add_generation_prompt=True, tokenize=True, return_dict=False, **switches
    )
    ends = model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
    room = getattr(model.config, "max_position_embeddings", 1 << 30) - len(prompt)
    if room < 1:
        return {"failure": "prompt too long"}
    tokens, finish, state = [], "length", None
    ids = torch.tensor([prompt])
    with torch.inference_mode():
        for _ in range(min(sampling["max_tokens"], room)):
            out = model(input_ids=ids, past_key_values=state, use_cache=True)
            state = out.past_key_values
            token = choose(out.logits[0, -1].float(), sampling, generator)
            if token in ends:
                finish = "stop"
                break
            tokens.append(token)
            ids = torch.tensor([[token]])
            if sampling.get("stop") and any(stop in tokenizer.decode(tokens[-32:]) for stop in sampling["stop"]):
                finish = "stop"
                break
    text = tokenizer.decode(tokens, skip_special_tokens=True)
    for stop in sampling.get("stop", ()):
        text = text.split(stop)[0]
    return {"text": text, "finish_reason": finish, "prompt_tokens": len(prompt), "completion_tokens": len(tokens)}


def choose(logits: Any, sampling: dict[str, Any], generator: Any) -> int:
    """The next token by temperature, top_k, top_p and min_p, in the order in which other engines apply them."""
    import torch

    temperature = sampling.get("temperature", 1.0)
    if temperature == 0:
        return int(logits.argmax())
    logits = logits / temperature
    if sampling.get("top_k"):
        logits[logits < logits.topk(min(sampling["top_k"], len(logits))).values[-1]] = -torch.inf
    share, order = logits.softmax(-1).sort(descending=True, stable=True)
    keep = torch.ones_like(share, dtype=torch.bool)
    if sampling.get("top_p") is not None:
        keep &= share.cumsum(-1) - share < sampling["top_p"]
    if sampling.get("min_p") is not None:
        keep &= share >= sampling["min_p"] * share[0]
    keep[0] = True
    share = torch.where(keep, share, 0)
    return int(order[torch.multinomial(share, 1, generator=generator)])


if __name__ == "__main__":
    main()
