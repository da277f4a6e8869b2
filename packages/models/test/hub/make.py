"""Makes small random models as the field's hub has them, and what an independent framework computes from them.

Run with a Python that has torch (Debian: python3-torch):  python3 packages/models/test/hub/make.py
For each model NAME: NAME.config.json, NAME.safetensors in the hub's names, shapes and orientations, and
NAME.logits.safetensors with `tokens` and the `logits` that they give, computed in float64 from the stored weights.
The architectures are written here in plain torch, after their papers and the hub's documented layout.
"""

import json
import math
import struct
from pathlib import Path

import torch
import torch.nn.functional as F

HERE = Path(__file__).parent
F64 = torch.float64
DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int32: "U32"}


def save(name, tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for key, t in tensors.items():
        t = t.contiguous()
        raw = bytes((t.view(torch.int16) if t.element_size() == 2 else t).numpy().tobytes())
        header[key] = {"dtype": DTYPES[t.dtype], "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    (HERE / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def write(name, config, weights, tokens, logits, metadata=None):
    lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in config.items())
    (HERE / f"{name}.config.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    save(name, weights, metadata)
    save(f"{name}.logits", {"tokens": tokens.int(), "logits": logits.float()})
    print(name, tuple(logits.shape), float(logits.abs().max()))


def random(*shape, gain=False):
    return torch.randn(*shape) * (0.1 if gain else 0.3) + (1 if gain else 0)


def gpt2(w, config, tokens):
    """w(name) gives a tensor in float64, without the prefix."""
    C, H = config["n_embd"], config["n_head"]
    B, T = tokens.shape
    norm = lambda x, n: F.layer_norm(x, (C,), w(f"{n}.weight"), w(f"{n}.bias"), config["layer_norm_epsilon"])
    conv1d = lambda x, n: x @ w(f"{n}.weight") + w(f"{n}.bias")
    bend = {
        "gelu": F.gelu,
        "gelu_new": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    }[config["activation_function"]]
    x = w("wte.weight")[tokens] + w("wpe.weight")[:T]
    ahead = torch.ones(T, T).triu(1).bool()
    for l in range(config["n_layer"]):
        q, k, v = conv1d(norm(x, f"h.{l}.ln_1"), f"h.{l}.attn.c_attn").split(C, dim=2)
        q, k, v = (t.view(B, T, H, C // H).transpose(1, 2) for t in (q, k, v))
        scores = (q @ k.transpose(2, 3) / math.sqrt(C // H)).masked_fill(ahead, -math.inf)
        mixed = (scores.softmax(3) @ v).transpose(1, 2).reshape(B, T, C)
        x = x + conv1d(mixed, f"h.{l}.attn.c_proj")
        x = x + conv1d(bend(conv1d(norm(x, f"h.{l}.ln_2"), f"h.{l}.mlp.c_fc")), f"h.{l}.mlp.c_proj")
    return norm(x, "ln_f") @ w("wte.weight").T


def llama(w, config, tokens, head):
    C, H, K = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
    D = C // H
    B, T = tokens.shape
    norm = lambda x, n: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"]) * w(f"{n}.weight")
    linear = lambda x, n: x @ w(f"{n}.weight").T
    frequency = 1 / config["rope_theta"] ** (torch.arange(0, D, 2, dtype=F64) / D)
    angle = torch.arange(T, dtype=F64)[:, None] * frequency[None, :]
    cos, sin = (torch.cat((f(angle), f(angle)), dim=1) for f in (torch.cos, torch.sin))
    turn = lambda t: t * cos + torch.cat((-t[..., D // 2 :], t[..., : D // 2]), dim=-1) * sin
    x = w("embed_tokens.weight")[tokens]
    ahead = torch.ones(T, T).triu(1).bool()
    for l in range(config["num_hidden_layers"]):
        p = f"layers.{l}"
        h = norm(x, f"{p}.input_layernorm")
        q = linear(h, f"{p}.self_attn.q_proj").view(B, T, H, D).transpose(1, 2)
        k = linear(h, f"{p}.self_attn.k_proj").view(B, T, K, D).transpose(1, 2)
        v = linear(h, f"{p}.self_attn.v_proj").view(B, T, K, D).transpose(1, 2)
        q, k = turn(q), turn(k).repeat_interleave(H // K, dim=1)
        scores = (q @ k.transpose(2, 3) / math.sqrt(D)).masked_fill(ahead, -math.inf)
        mixed = scores.softmax(3) @ v.repeat_interleave(H // K, dim=1)
        x = x + linear(mixed.transpose(1, 2).reshape(B, T, C), f"{p}.self_attn.o_proj")
        h = norm(x, f"{p}.post_attention_layernorm")
        gate = F.silu(linear(h, f"{p}.mlp.gate_proj")) * linear(h, f"{p}.mlp.up_proj")
        x = x + linear(gate, f"{p}.mlp.down_proj")
    return norm(x, "norm") @ head.T


def make_gpt2(name, dtype, prefix, activation, inner, buffers):
    V, T, C, L, H = 29, 16, 12, 2, 3
    config = dict(
        activation_function=activation, architectures=["GPT2LMHeadModel"], attn_pdrop=0.1, bos_token_id=0, embd_pdrop=0.1,
        eos_token_id=0, initializer_range=0.02, layer_norm_epsilon=1e-05, model_type="gpt2", n_ctx=T, n_embd=C, n_head=H,
        n_inner=inner, n_layer=L, n_positions=T, resid_pdrop=0.1, summary_activation=None, summary_first_dropout=0.1,
        summary_proj_to_labels=True, summary_type="cls_index", summary_use_proj=True, torch_dtype=str(dtype)[6:],
        transformers_version="4.40.0", use_cache=True, vocab_size=V,
    )
    I = inner or 4 * C
    weights = {"wte.weight": random(V, C), "wpe.weight": random(T, C)}
    for l in range(L):
        for part, shape in (("attn.c_attn", (C, 3 * C)), ("attn.c_proj", (C, C)), ("mlp.c_fc", (C, I)), ("mlp.c_proj", (I, C))):
            weights[f"h.{l}.{part}.weight"] = random(*shape)
            weights[f"h.{l}.{part}.bias"] = random(shape[1])
        for part in ("ln_1", "ln_2"):
            weights[f"h.{l}.{part}.weight"] = random(C, gain=True)
            weights[f"h.{l}.{part}.bias"] = random(C)
    weights |= {"ln_f.weight": random(C, gain=True), "ln_f.bias": random(C)}
    weights = {k: v.to(dtype) for k, v in weights.items()}
    tokens = torch.randint(V, (2, 11))
    logits = gpt2(lambda n: weights[n].to(F64), config, tokens)
    stored = {prefix + k: v for k, v in weights.items()}
    if buffers:
        stored |= {f"{prefix}h.{l}.attn.bias": torch.tril(torch.ones(1, 1, T, T)) for l in range(L)}
    write(name, config, stored, tokens, logits, {"format": "pt"})


def make_llama(name, dtype, prefix, keys, tied, theta, written_head):
    V, T, C, L, H, I = 31, 32, 16, 2, 4, 20
    config = dict(
        architectures=["LlamaForCausalLM"], attention_bias=False, attention_dropout=0.0, bos_token_id=1, eos_token_id=2,
        hidden_act="silu", hidden_size=C, initializer_range=0.02, intermediate_size=I, max_position_embeddings=T,
        mlp_bias=False, model_type="llama", num_attention_heads=H, num_hidden_layers=L, num_key_value_heads=keys,
        pretraining_tp=1, rms_norm_eps=1e-05, rope_scaling=None, rope_theta=theta, tie_word_embeddings=tied,
        torch_dtype=str(dtype)[6:], transformers_version="4.40.0", use_cache=True, vocab_size=V,
    )
    D = C // H
    weights = {"embed_tokens.weight": random(V, C)}
    for l in range(L):
        p = f"layers.{l}"
        weights[f"{p}.input_layernorm.weight"] = random(C, gain=True)
        weights[f"{p}.post_attention_layernorm.weight"] = random(C, gain=True)
        for part, shape in (
            ("self_attn.q_proj", (C, C)), ("self_attn.k_proj", (keys * D, C)), ("self_attn.v_proj", (keys * D, C)),
            ("self_attn.o_proj", (C, C)), ("mlp.gate_proj", (I, C)), ("mlp.up_proj", (I, C)), ("mlp.down_proj", (C, I)),
        ):
            weights[f"{p}.{part}.weight"] = random(*shape)
    weights["norm.weight"] = random(C, gain=True)
    weights = {k: v.to(dtype) for k, v in weights.items()}
    head = weights["embed_tokens.weight"] if tied else random(V, C).to(dtype)
    tokens = torch.randint(V, (2, 19))
    logits = llama(lambda n: weights[n].to(F64), config, tokens, head.to(F64))
    stored = {prefix + k: v for k, v in weights.items()}
    if not tied or written_head:
        stored["lm_head.weight"] = head
    write(name, config, stored, tokens, logits, {"format": "pt"})


torch.manual_seed(4)
make_gpt2("gpt2", torch.float32, "transformer.", "gelu_new", None, buffers=False)
make_gpt2("gpt2-bare", torch.bfloat16, "", "gelu", 20, buffers=True)
make_llama("llama", torch.float32, "model.", 2, False, 500000.0, written_head=True)
make_llama("llama-tied", torch.float16, "model.", 4, True, 10000.0, written_head=True)
