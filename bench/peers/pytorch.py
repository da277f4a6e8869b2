"""PyTorch on the processor: the same products and training steps as ours, in its own eager mode."""
import json
import math
import os
import sys

from serve import absent, serve

order = json.loads(sys.argv[1])
try:
    import numpy as np
    import torch
    import torch.nn.functional as F

    from pattern import pattern, pattern_words, weight
except ImportError as error:
    absent(str(error))

torch.set_num_threads(order["threads"])


def blas():
    """Which library its products come from: Debian's build asks the system for a BLAS."""
    torch.ones(64, 64) @ torch.ones(64, 64)
    with open("/proc/self/maps") as maps:
        names = {os.path.basename(line.split()[-1]) for line in maps if "blas" in line or "mkl" in line}
    resolved = os.path.realpath("/etc/alternatives/libblas.so.3-x86_64-linux-gnu")
    return ", ".join(sorted(names)) + (" (" + resolved + ")" if os.path.exists(resolved) else "")


def settings():
    lines = torch.__config__.show().split("\n")
    kept = [line.strip(" -") for line in lines if "MKL-DNN" in line or "CPU capability" in line]
    kept += ["BLAS_INFO=" + part.split("BLAS_INFO=")[1].split(",")[0] for part in lines if " BLAS_INFO=" in part]
    return "; ".join(kept)


version = torch.__version__ + "; " + settings() + "; BLAS " + blas() if sys.platform == "linux" else torch.__version__


def loss_mlp(p, x, y, layers):
    for l in range(layers):
        x = torch.addmm(p[2 * l + 1], x, p[2 * l])
        if l + 1 < layers:
            x = F.relu(x)
    return F.cross_entropy(x, y)


def loss_gpt(p, tokens, order):
    width, heads, layers = order["width"], order["heads"], order["layers"]
    seen, wanted = tokens[:, :-1], tokens[:, 1:]
    batch, length = seen.shape
    ahead = torch.ones(length, length, dtype=torch.bool).triu(1)
    by = iter(p)
    token, position = next(by), next(by)
    x = F.embedding(seen, token) + position[:length]
    for _ in range(layers):
        gain, bias, w, b = next(by), next(by), next(by), next(by)
        h = F.layer_norm(x, (width,), gain, bias)
        q, k, v = (h @ w + b).view(batch, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        s = (q * (1 / math.sqrt(width // heads))) @ k.transpose(-1, -2)
        s = s.masked_fill(ahead, float("-inf")).softmax(-1)
        w, b = next(by), next(by)
        x = x + ((s @ v).transpose(1, 2).reshape(batch, length, width) @ w + b)
        gain, bias, w, b = next(by), next(by), next(by), next(by)
        h = F.gelu(F.layer_norm(x, (width,), gain, bias) @ w + b)
        w, b = next(by), next(by)
        x = x + (h @ w + b)
    x = F.layer_norm(x, (width,), next(by), next(by))
    return F.cross_entropy((x @ token.t()).view(-1, order["vocab"]), wanted.reshape(-1))


def build(order):
    if order["case"] == "product":
        shape = (order["batch"], order["m"], order["k"], order["n"])
        a = torch.from_numpy(pattern(1, (shape[0], shape[1], shape[2])))
        b = torch.from_numpy(pattern(2, (shape[0], shape[2], shape[3])))
        if shape[0] == 1:
            a, b = a[0], b[0]
        c = torch.matmul(a, b)
        flat = c.reshape(-1)
        return [flat[0], flat[flat.numel() // 2], flat[-1]], lambda: torch.matmul(a, b, out=c)
    if order["case"] in ("softmax", "norm"):
        x = torch.from_numpy(pattern(1, (order["rows"], order["columns"]), 4))
        once = (lambda: torch.softmax(x, -1)) if order["case"] == "softmax" else (lambda: F.layer_norm(x, x.shape[1:]))
        flat = once().reshape(-1)
        return [flat[0], flat[flat.numel() // 2], flat[-1]], once
    weights = order["weights"]
    p = [torch.from_numpy(weight(w, i)).requires_grad_() for i, w in enumerate(weights)]
    if order["case"] == "mlp":
        widths, batch = order["widths"], order["batch"]
        x = torch.from_numpy(pattern(1, (batch, widths[0])))
        y = torch.from_numpy(pattern_words(2, (batch,), widths[-1]))
        optimiser = torch.optim.Adam(p, lr=order["rate"], betas=(0.9, 0.95), eps=1e-8)
        loss_of = lambda: loss_mlp(p, x, y, len(widths) - 1)
    elif order["case"] == "gpt":
        tokens = torch.from_numpy(pattern_words(2, (order["batch"], order["context"] + 1), order["vocab"]))
        groups = [
            {"params": [t for t, w in zip(p, weights) if w["decay"]], "weight_decay": 0.1},
            {"params": [t for t, w in zip(p, weights) if not w["decay"]], "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(groups, lr=order["rate"], betas=(0.9, 0.95), eps=1e-8)
        loss_of = lambda: loss_gpt(p, tokens, order)
    else:
        absent("not built for this peer")

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        if order["case"] == "gpt":
            torch.nn.utils.clip_grad_norm_(p, 1.0)
        optimiser.step()
        return loss.item()

    return [step() for _ in range(order.get("warm", 3))], step


serve(version, build)
