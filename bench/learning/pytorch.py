"""PyTorch learns what we learn: the weights, the data and their order come from a safetensors file; prints one line."""

import json
import math
import struct
import sys
import time

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as error:
    print(json.dumps({"absent": str(error)}))
    sys.exit(0)

torch.set_num_threads(2)
raw = open(sys.argv[1], "rb").read()
(length,) = struct.unpack("<Q", raw[:8])
header = json.loads(raw[8 : 8 + length])
order = json.loads(header.pop("__metadata__")["order"])
KINDS = {"F32": np.float32, "U8": np.uint8, "U32": np.uint32}
tensors = {}
for name, entry in header.items():
    begin, end = (8 + length + at for at in entry["data_offsets"])
    array = np.frombuffer(raw[begin:end], dtype=KINDS[entry["dtype"]]).reshape(entry["shape"])
    tensors[name] = torch.from_numpy(array.astype(np.int64) if array.dtype != np.float32 else array.copy())
config, train, seed = order["config"], order["train"], order["seed"]
p = {n: t.requires_grad_() for n, t in tensors.items() if not n.startswith("data.")}
data = {n[5:]: t for n, t in tensors.items() if n.startswith("data.")}


def draw(step, places):
    """Where the rows of a batch start: the high word of a Philox word times the number of places."""
    rows = np.arange(train["batch"], dtype=np.uint64)
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    a, b = rows, np.full_like(rows, step)
    c = d = np.zeros_like(rows)
    k0, k1 = seed, 1
    for _ in range(10):
        u, v = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b, c, d = (v >> shift) ^ b ^ np.uint64(k0), v & mask, (u >> shift) ^ d ^ np.uint64(k1), u & mask
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return torch.from_numpy(((a * np.uint64(places)) >> shift).astype(np.int64))


def rate_at(step):
    if step < train["warmup"]:
        return train["rate"] * (step + 1) / train["warmup"]
    part = min(1.0, (step - train["warmup"]) / max(1, train["steps"] - train["warmup"]))
    return train["rate"] * (train["lastRate"] + (1 - train["lastRate"]) * 0.5 * (1 + math.cos(math.pi * part)))


def gpt_logits(tokens):
    C, H = config["width"], config["heads"]
    B, T = tokens.shape
    norm = lambda x, n: F.layer_norm(x, (C,), p[f"{n}.gain"], p[f"{n}.bias"])
    dense = lambda x, n: x @ p[f"{n}.weight"] + p[f"{n}.bias"]
    x = p["token.embedding"][tokens] + p["position.embedding"][:T]
    ahead = torch.ones(T, T).triu(1).bool()
    for l in range(config["layers"]):
        a, m = f"layer.{l}.attention", f"layer.{l}.mlp"
        q, k, v = (t.view(B, T, H, C // H).transpose(1, 2) for t in dense(norm(x, f"{a}.norm"), f"{a}.qkv").split(C, 2))
        scores = (q @ k.transpose(2, 3) / math.sqrt(C // H)).masked_fill(ahead, -math.inf)
        x = x + dense((scores.softmax(3) @ v).transpose(1, 2).reshape(B, T, C), f"{a}.out")
        x = x + dense(F.gelu(dense(norm(x, f"{m}.norm"), f"{m}.in")), f"{m}.out")
    return norm(x, "norm") @ p["token.embedding"].T


def resnet_logits(rows):
    def convolve(x, name, stride):
        w = p[f"{name}.weight"].permute(3, 2, 0, 1)
        y = F.conv2d(x, w, stride=stride, padding=(w.shape[2] - 1) // 2)
        return F.group_norm(y, config["groups"], p[f"{name}.norm.gain"], p[f"{name}.norm.bias"])

    x = (rows.float() / 255).view(-1, config["height"], config["width"], config["channels"]).permute(0, 3, 1, 2)
    x = torch.relu(convolve(x, "stem", 1))
    for s, stage in enumerate(config["stages"]):
        for b in range(stage["blocks"]):
            name, stride = f"stage.{s}.block.{b}", 2 if s > 0 and b == 0 else 1
            y = convolve(torch.relu(convolve(x, f"{name}.first", stride)), f"{name}.second", 1)
            x = torch.relu(y + (convolve(x, f"{name}.around", stride) if f"{name}.around.weight" in p else x))
    return x.mean((2, 3)) @ p["head.weight"] + p["head.bias"]


def text_loss(windows):
    return F.cross_entropy(gpt_logits(windows[:, :-1]).reshape(-1, config["vocab"]), windows[:, 1:].reshape(-1))


def loss_of(step):
    if order["kind"] == "gpt":
        T = config["context"]
        starts = draw(step, len(data["corpus"]) - T)
        return text_loss(data["corpus"][starts[:, None] + torch.arange(T + 1)])
    rows = draw(step, len(data["labels"]))
    return F.cross_entropy(resnet_logits(data["features"][rows]), data["labels"][rows])


decays = set(order["decays"])
groups = [
    dict(params=[t for n, t in p.items() if n in decays], weight_decay=train["decay"]),
    dict(params=[t for n, t in p.items() if n not in decays], weight_decay=0.0),
]
optimiser = torch.optim.AdamW(groups, lr=1.0, betas=(train["beta1"], train["beta2"]), eps=train["epsilon"])
start = time.perf_counter()
for step in range(train["steps"]):
    for group in optimiser.param_groups:
        group["lr"] = rate_at(step)
    optimiser.zero_grad()
    loss_of(step).backward()
    norm = torch.sqrt(sum((t.grad**2).sum() for t in p.values())).item()
    for t in p.values():
        t.grad.mul_(min(1.0, train["clip"] / norm))
    optimiser.step()
seconds = time.perf_counter() - start

losses, right, count = [], 0, 0
with torch.no_grad():
    at_once = order["evaluated"]
    if order["kind"] == "gpt":
        T, held = config["context"], data["heldOut"]
        for step in range((len(held) - 1) // (at_once * T)):
            starts = (step * at_once + torch.arange(at_once)) * T
            losses.append(text_loss(held[starts[:, None] + torch.arange(T + 1)]).item())
    else:
        for step in range(len(data["heldOutLabels"]) // at_once):
            rows = slice(step * at_once, (step + 1) * at_once)
            logits, labels = resnet_logits(data["heldOutFeatures"][rows]), data["heldOutLabels"][rows]
            losses.append(F.cross_entropy(logits, labels).item())
            right += (logits.argmax(1) == labels).sum().item()
            count += at_once
result = dict(version=torch.__version__, loss=sum(losses) / len(losses), seconds=seconds)
print(json.dumps(result | (dict(accuracy=right / count) if count else {})))
