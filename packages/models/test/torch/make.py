"""Makes NAME.safetensors for each architecture: what an independent framework computes for tiny models.

Run with a Python that has torch (Debian: python3-torch):  python3 packages/models/test/torch/make.py
Everything is computed in float64 from float32 constants. Weights, tokens and features come from a formula that the
test repeats, so that only results are stored: the loss of each step, the gradient of the first, and all parameters
after the first and the last step.
"""

import json
import math
from pathlib import Path

import torch
from stored import lcg, save

HERE = Path(__file__).parent
F64 = torch.float64


def filled(place, shape, gain):
    """Parameter number `place`: multiples of 1/512 in [-0.25, 0.25), plus 1 for a gain. Exact in float32."""
    count = math.prod(shape)
    values = torch.tensor([(b - 128) / 512 for b in lcg(1000 + place, count, 8)], dtype=F64).reshape(shape)
    return values + 1 if gain else values


def philox(counter, key):
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k0, q & 0xFFFFFFFF, (p >> 32) ^ d ^ k1, p & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return a, b, c, d


def draw(step, batch, seed, places):
    """Where the rows of a batch start: the high word of a random word times the number of places."""
    return [(philox((row, step, 0, 0), (seed, 1))[0] * places) >> 32 for row in range(batch)]


TRAIN = dict(steps=4, warmup=2, rate=0.01, lastRate=0.1, beta1=0.9, beta2=0.95, epsilon=1e-3, decay=0.1, clip=0.5)


def rate_at(step):
    if step < TRAIN["warmup"]:
        return TRAIN["rate"] * (step + 1) / TRAIN["warmup"]
    part = min(1.0, (step - TRAIN["warmup"]) / (TRAIN["steps"] - TRAIN["warmup"]))
    low = TRAIN["lastRate"]
    return TRAIN["rate"] * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * part)))


def adamw(groups):
    return torch.optim.AdamW(groups, lr=1.0, betas=(TRAIN["beta1"], TRAIN["beta2"]), eps=TRAIN["epsilon"])


def train(names, parameters, decays, loss_at, count, optimiser_of=adamw):
    """Runs an optimiser of torch.optim with clipping; gives the losses, norms, first gradients and parameters."""
    groups = [
        dict(params=[p for p, d in zip(parameters, decays) if d], weight_decay=TRAIN["decay"]),
        dict(params=[p for p, d in zip(parameters, decays) if not d], weight_decay=0.0),
    ]
    optimiser = optimiser_of(groups)
    losses, norms, stored = [], [], {}
    for step in range(count):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step)
        optimiser.zero_grad()
        loss = loss_at(step)
        loss.backward()
        if step == 0:
            stored.update({f"gradient.{n}": p.grad.clone() for n, p in zip(names, parameters)})
        norm = torch.sqrt(sum((p.grad**2).sum() for p in parameters))
        scale = min(1.0, TRAIN["clip"] / norm.item())
        for p in parameters:
            p.grad.mul_(scale)
        optimiser.step()
        losses.append(loss.item())
        norms.append(norm.item())
        if step in (0, count - 1):
            stored.update({f"after{step + 1}.{n}": p.detach().clone() for n, p in zip(names, parameters)})
    return losses, norms, stored


def gpt():
    V, T, C, L, H, B, SEED, N = 19, 6, 8, 2, 2, 3, 7, 50
    tokens = [b % V for b in lcg(1, N, 8)]
    spec = [("token.embedding", (V, C)), ("position.embedding", (T, C))]
    for l in range(L):
        spec += [
            (f"layer.{l}.attention.norm.gain", (C,)),
            (f"layer.{l}.attention.norm.bias", (C,)),
            (f"layer.{l}.attention.qkv.weight", (C, 3 * C)),
            (f"layer.{l}.attention.qkv.bias", (3 * C,)),
            (f"layer.{l}.attention.out.weight", (C, C)),
            (f"layer.{l}.attention.out.bias", (C,)),
            (f"layer.{l}.mlp.norm.gain", (C,)),
            (f"layer.{l}.mlp.norm.bias", (C,)),
            (f"layer.{l}.mlp.in.weight", (C, 4 * C)),
            (f"layer.{l}.mlp.in.bias", (4 * C,)),
            (f"layer.{l}.mlp.out.weight", (4 * C, C)),
            (f"layer.{l}.mlp.out.bias", (C,)),
        ]
    spec += [("norm.gain", (C,)), ("norm.bias", (C,))]
    names = [n for n, _ in spec]
    parameters = [filled(i, s, n.endswith("gain")).requires_grad_() for i, (n, s) in enumerate(spec)]
    p = dict(zip(names, parameters))

    def norm(x, name):
        return torch.nn.functional.layer_norm(x, (C,), p[f"{name}.gain"], p[f"{name}.bias"], eps=1e-5)

    def loss_at(step):
        starts = draw(step, B, SEED, N - T)
        window = torch.tensor([tokens[s : s + T + 1] for s in starts])
        x = p["token.embedding"][window[:, :-1]] + p["position.embedding"]
        mask = torch.tril(torch.ones(T, T)) == 0
        for l in range(L):
            a = f"layer.{l}.attention"
            h = norm(x, f"{a}.norm") @ p[f"{a}.qkv.weight"] + p[f"{a}.qkv.bias"]
            q, k, v = (t.reshape(B, T, H, C // H).transpose(1, 2) for t in h.split(C, dim=2))
            scores = (q @ k.transpose(2, 3) / math.sqrt(C // H)).masked_fill(mask, -math.inf)
            h = (torch.softmax(scores, dim=3) @ v).transpose(1, 2).reshape(B, T, C)
            x = x + h @ p[f"{a}.out.weight"] + p[f"{a}.out.bias"]
            m = f"layer.{l}.mlp"
            h = torch.nn.functional.gelu(norm(x, f"{m}.norm") @ p[f"{m}.in.weight"] + p[f"{m}.in.bias"])
            x = x + h @ p[f"{m}.out.weight"] + p[f"{m}.out.bias"]
        logits = norm(x, "norm") @ p["token.embedding"].T
        return torch.nn.functional.cross_entropy(logits.reshape(-1, V), window[:, 1:].reshape(-1))

    decays = [n == "token.embedding" or n.endswith(".weight") for n in names]
    losses, norms, stored = train(names, parameters, decays, loss_at, 3)
    config = dict(vocab=V, context=T, width=C, layers=L, heads=H, dropout=0)
    meta = dict(config=config, train=dict(batch=B, **TRAIN), seed=SEED, tokens=N, losses=losses, norms=norms)
    save(HERE / "gpt.safetensors", stored, {"made": json.dumps(meta)})
    print("gpt", losses, norms)


def mlp(optimiser_of=adamw, count=3):
    D, HIDDEN, K, B, SEED, N = 5, [7, 6], 3, 4, 9, 11
    features = torch.tensor([(b - 128) / 64 for b in lcg(2, N * D, 8)], dtype=F64).reshape(N, D)
    labels = torch.tensor([b % K for b in lcg(3, N, 8)])
    widths = [D, *HIDDEN, K]
    spec = []
    for l in range(len(widths) - 1):
        spec += [(f"layer.{l}.weight", (widths[l], widths[l + 1])), (f"layer.{l}.bias", (widths[l + 1],))]
    names = [n for n, _ in spec]
    parameters = [filled(i, s, False).requires_grad_() for i, (n, s) in enumerate(spec)]

    def loss_at(step):
        rows = draw(step, B, SEED, N)
        x = features[rows]
        for l in range(len(widths) - 1):
            x = x @ parameters[2 * l] + parameters[2 * l + 1]
            if l < len(widths) - 2:
                x = torch.relu(x)
        return torch.nn.functional.cross_entropy(x, labels[rows])

    losses, norms, stored = train(names, parameters, [n.endswith("weight") for n in names], loss_at, count, optimiser_of)
    config = dict(features=D, hidden=HIDDEN, classes=K)
    meta = dict(config=config, train=dict(batch=B, **TRAIN), seed=SEED, rows=N, losses=losses, norms=norms)
    return meta, stored


def optimisers():
    """The MLP's parameters after five steps of each other optimiser that torch has, with losses and norms."""
    momentum = dict(lr=1.0, momentum=0.9)
    each = {
        "descent": ({"kind": "sgd", "momentum": 0, "nesterov": False}, lambda g: torch.optim.SGD(g, lr=1.0)),
        "momentum": ({"kind": "sgd", "momentum": 0.9, "nesterov": False}, lambda g: torch.optim.SGD(g, **momentum)),
        "nesterov": (
            {"kind": "sgd", "momentum": 0.9, "nesterov": True},
            lambda g: torch.optim.SGD(g, nesterov=True, **momentum),
        ),
        "adam": (
            {"kind": "adam"},
            lambda g: torch.optim.Adam(g, lr=1.0, betas=(TRAIN["beta1"], TRAIN["beta2"]), eps=TRAIN["epsilon"]),
        ),
    }
    made, tensors = {}, {}
    for name, (optimiser, optimiser_of) in each.items():
        meta, stored = mlp(optimiser_of, 5)
        meta["train"]["optimiser"] = optimiser
        made[name] = meta
        tensors.update({f"{name}.{key}": value for key, value in stored.items() if key.startswith("after5.")})
        print(name, meta["losses"])
    save(HERE / "optimisers.safetensors", tensors, {"made": json.dumps(made)})


def llama():
    V, T, C, L, H, K, I, B, SEED, N = 19, 6, 8, 2, 4, 2, 10, 3, 7, 50
    tokens = [b % V for b in lcg(1, N, 8)]
    D = C // H
    spec = [("token.embedding", (V, C))]
    for l in range(L):
        spec += [
            (f"layer.{l}.attention.norm.gain", (C,)),
            (f"layer.{l}.attention.query.weight", (C, C)),
            (f"layer.{l}.attention.key.weight", (C, K * D)),
            (f"layer.{l}.attention.value.weight", (C, K * D)),
            (f"layer.{l}.attention.out.weight", (C, C)),
            (f"layer.{l}.mlp.norm.gain", (C,)),
            (f"layer.{l}.mlp.gate.weight", (C, I)),
            (f"layer.{l}.mlp.up.weight", (C, I)),
            (f"layer.{l}.mlp.down.weight", (I, C)),
        ]
    spec += [("norm.gain", (C,)), ("head.weight", (C, V))]
    names = [n for n, _ in spec]
    parameters = [filled(i, s, n.endswith("gain")).requires_grad_() for i, (n, s) in enumerate(spec)]
    p = dict(zip(names, parameters))
    angle = torch.arange(T, dtype=F64)[:, None] * 100.0 ** (-torch.arange(0, D, 2, dtype=F64) / D)
    cos, sin = torch.cos(angle), torch.sin(angle)

    def turn(x):
        a, b = x[..., : D // 2], x[..., D // 2 :]
        return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)

    def norm(x, name):
        return x / torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-5) * p[f"{name}.gain"]

    def loss_at(step):
        starts = draw(step, B, SEED, N - T)
        window = torch.tensor([tokens[s : s + T + 1] for s in starts])
        x = p["token.embedding"][window[:, :-1]]
        mask = torch.tril(torch.ones(T, T)) == 0
        for l in range(L):
            a = f"layer.{l}.attention"
            h = norm(x, f"{a}.norm")
            q, k, v = (
                (h @ p[f"{a}.{part}.weight"]).reshape(B, T, -1, D).transpose(1, 2) for part in ("query", "key", "value")
            )
            q, k = turn(q), turn(k).repeat_interleave(H // K, dim=1)
            scores = (q @ k.transpose(2, 3) / math.sqrt(D)).masked_fill(mask, -math.inf)
            h = torch.softmax(scores, dim=3) @ v.repeat_interleave(H // K, dim=1)
            x = x + h.transpose(1, 2).reshape(B, T, C) @ p[f"{a}.out.weight"]
            m = f"layer.{l}.mlp"
            h = norm(x, f"{m}.norm")
            gated = torch.nn.functional.silu(h @ p[f"{m}.gate.weight"]) * (h @ p[f"{m}.up.weight"])
            x = x + gated @ p[f"{m}.down.weight"]
        logits = norm(x, "norm") @ p["head.weight"]
        return torch.nn.functional.cross_entropy(logits.reshape(-1, V), window[:, 1:].reshape(-1))

    decays = [n == "token.embedding" or n.endswith(".weight") for n in names]
    losses, norms, stored = train(names, parameters, decays, loss_at, 3)
    config = dict(vocab=V, context=T, width=C, layers=L, heads=H, keyHeads=K, inner=I, theta=100, epsilon=1e-5, tied=False)
    meta = dict(config=config, train=dict(batch=B, **TRAIN), seed=SEED, tokens=N, losses=losses, norms=norms)
    save(HERE / "llama.safetensors", stored, {"made": json.dumps(meta)})
    print("llama", losses, norms)


def resnet():
    H, W, G, K, B, SEED, N, STAGES = 6, 5, 2, 3, 3, 9, 8, [4, 6]
    features = torch.tensor([(b - 128) / 64 for b in lcg(2, N * H * W, 8)], dtype=F64).reshape(N, H, W, 1)
    labels = torch.tensor([b % K for b in lcg(3, N, 8)])
    spec, blocks = [], []

    def convolution(name, size, i, o):
        spec.extend([(f"{name}.weight", (size, size, i, o)), (f"{name}.norm.gain", (o,)), (f"{name}.norm.bias", (o,))])

    convolution("stem", 3, 1, STAGES[0])
    for s, width in enumerate(STAGES):
        name, before = f"stage.{s}.block.0", STAGES[max(s - 1, 0)]
        convolution(f"{name}.first", 3, before, width)
        convolution(f"{name}.second", 3, width, width)
        if s > 0:
            convolution(f"{name}.around", 1, before, width)
        blocks.append((name, 2 if s > 0 else 1))
    spec.extend([("head.weight", (STAGES[-1], K)), ("head.bias", (K,))])
    names = [n for n, _ in spec]
    parameters = [filled(i, s, n.endswith("gain")).requires_grad_() for i, (n, s) in enumerate(spec)]
    p = dict(zip(names, parameters))

    def convolve(x, name, stride):
        w = p[f"{name}.weight"].permute(3, 2, 0, 1)
        y = torch.nn.functional.conv2d(x, w, stride=stride, padding=(w.shape[2] - 1) // 2)
        return torch.nn.functional.group_norm(y, G, p[f"{name}.norm.gain"], p[f"{name}.norm.bias"], eps=1e-5)

    def loss_at(step):
        rows = draw(step, B, SEED, N)
        x = torch.relu(convolve(features[rows].permute(0, 3, 1, 2), "stem", 1))
        for name, stride in blocks:
            y = convolve(torch.relu(convolve(x, f"{name}.first", stride)), f"{name}.second", 1)
            x = torch.relu(y + (convolve(x, f"{name}.around", stride) if f"{name}.around.weight" in p else x))
        logits = x.mean((2, 3)) @ p["head.weight"] + p["head.bias"]
        return torch.nn.functional.cross_entropy(logits, labels[rows])

    losses, norms, stored = train(names, parameters, [n.endswith("weight") for n in names], loss_at, 3)
    stages = [dict(width=w, blocks=1) for w in STAGES]
    config = dict(height=H, width=W, channels=1, stages=stages, groups=G, classes=K)
    meta = dict(config=config, train=dict(batch=B, **TRAIN), seed=SEED, rows=N, losses=losses, norms=norms)
    save(HERE / "resnet.safetensors", stored, {"made": json.dumps(meta)})
    print("resnet", losses, norms)


gpt()
meta, stored = mlp()
save(HERE / "mlp.safetensors", stored, {"made": json.dumps(meta)})
print("mlp", meta["losses"], meta["norms"])
optimisers()
llama()
resnet()
