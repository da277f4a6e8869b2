"""Makes operations.safetensors: what an independent framework computes for every operation, and its gradients.

Run with a Python that has torch (Debian: python3-torch):  python3 packages/models/test/torch/make-operations.py
Everything is computed in float64 from float32 constants. Operands come from a formula that the test repeats: only
their shapes, the results and the gradients of a weighted sum of each result are stored. Grids here have channels last,
as the project's have; torch is shown them channels first.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from stored import lcg, save

HERE = Path(__file__).parent
F64 = torch.float64


def numbers(seed, shape):
    """Multiples of 2^-14 in [-2, 2): exact in float32, and rarely two alike."""
    values = [(w - 32768) / 2**14 for w in lcg(seed, math.prod(shape), 16)]
    return torch.tensor(values, dtype=F64).reshape(shape)


def words(seed, shape, below):
    return torch.tensor([w % below for w in lcg(seed, math.prod(shape), 16)]).reshape(shape)


def weights(shape):
    """What each element of a result counts, so that no two gradients can be confused."""
    place = torch.arange(math.prod(shape))
    return ((((place * 7 + 3) & 15).to(F64)) * 0.25 - 1.625).reshape(shape)


CASES = {}


def case(name, shapes, fn, index=None, gradient=True):
    CASES[name] = (shapes, index or {}, fn, gradient)


def first(x):
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def taps(w):
    """(sizes .., I, O) as torch has them, (O, I, sizes ..)."""
    n = w.dim() - 2
    return w.permute(n + 1, n, *range(n))


def turned(w, groups):
    """(sizes .., I / groups, O) as torch's transposed convolution has them, (I, O / groups, sizes ..)."""
    n = w.dim() - 2
    inner, outer = w.shape[n], w.shape[n + 1] // groups
    parts = w.reshape(*w.shape[:n], inner, groups, outer).permute(n + 1, n, n + 2, *range(n))
    return parts.reshape(groups * inner, outer, *w.shape[:n])


def conv(fn, **options):
    return lambda x, w: last(fn(first(x), taps(w), **options))


def back(fn, groups=1, **options):
    return lambda x, w: last(fn(first(x), turned(w, groups), groups=groups, **options))


def over(fn, *args, **options):
    return lambda x: last(fn(first(x), *args, **options))


case("conv1d strided", dict(x=(2, 9, 3), w=(3, 3, 4)), conv(F.conv1d, stride=2, padding=2))
case("conv1d dilated groups", dict(x=(2, 9, 4), w=(3, 2, 6)), conv(F.conv1d, dilation=2, groups=2))
case("conv1d strided dilated", dict(x=(1, 11, 2), w=(3, 2, 2)), conv(F.conv1d, stride=2, dilation=2, padding=1))
case("conv2d", dict(x=(2, 5, 6, 3), w=(3, 3, 3, 4)), conv(F.conv2d, padding=1))
case("conv2d strided", dict(x=(1, 7, 6, 2), w=(3, 2, 2, 4)), conv(F.conv2d, stride=(2, 1), padding=(1, 0)))
case("conv2d depthwise", dict(x=(2, 6, 5, 4), w=(3, 3, 1, 4)), conv(F.conv2d, stride=2, padding=1, groups=4))
case(
    "convTransposed1d",
    dict(x=(2, 4, 3), w=(3, 3, 2)),
    back(F.conv_transpose1d, stride=2, padding=1, output_padding=1),
)
case("convTransposed1d dilated", dict(x=(1, 4, 2), w=(3, 2, 2)), back(F.conv_transpose1d, stride=2, dilation=3))
case(
    "convTransposed2d groups",
    dict(x=(1, 3, 3, 4), w=(3, 2, 2, 6)),
    back(F.conv_transpose2d, groups=2, stride=(2, 1), padding=(1, 0)),
)
case("maxPool1d", dict(x=(2, 9, 3)), over(F.max_pool1d, 3, stride=2, padding=1))
case("maxPool2d", dict(x=(2, 6, 7, 2)), over(F.max_pool2d, (3, 2), stride=(2, 1), padding=(1, 1), dilation=(1, 2)))
case("meanPool1d", dict(x=(2, 9, 3)), over(F.avg_pool1d, 3, stride=2, padding=1))
case("meanPool2d", dict(x=(2, 6, 7, 2)), over(F.avg_pool2d, 3, stride=2, padding=1, count_include_pad=False))
case("globalMeanPool", dict(x=(2, 6, 7, 2)), lambda x: F.adaptive_avg_pool2d(first(x), 1)[:, :, 0, 0])
case("adaptiveMeanPool2d", dict(x=(2, 7, 6, 2)), over(F.adaptive_avg_pool2d, (3, 4)))

case("layerNorm", dict(x=(3, 4, 8), g=(8,), b=(8,)), lambda x, g, b: F.layer_norm(x, (8,), g, b, 1e-5))
case(
    "rmsNorm", dict(x=(3, 4, 8), g=(8,)), lambda x, g: x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6) * g
)
case(
    "groupNorm", dict(x=(2, 3, 4, 6), g=(6,), b=(6,)), lambda x, g, b: last(F.group_norm(first(x), 3, g, b, 1e-5))
)


def batch_norm(x, g, b, m, v):
    mean, variance = m.detach().clone(), v.detach().clone()
    y = last(F.batch_norm(first(x), mean, variance, g, b, True, 0.1, 1e-5))
    return torch.cat([y.flatten(), mean, variance])


case("batchNorm", dict(x=(3, 2, 2, 4), g=(4,), b=(4,), m=(4,), v=(4,)), batch_norm)
case(
    "batchNormFixed",
    dict(x=(3, 2, 2, 4), g=(4,), b=(4,), m=(4,), v=(4,)),
    lambda x, g, b, m, v: last(F.batch_norm(first(x), m.detach(), (v * v + 0.5).detach(), g, b, False, 0.1, 1e-5)),
)


def angles(places, width, base):
    frequencies = base ** (-torch.arange(0, width, 2, dtype=F64) / width)
    return places.to(F64)[..., None] * frequencies


def halves(x, p):
    """As the hub's Llama has it: cos and sin of each angle twice in a row, and the halves of x changed over."""
    a = torch.cat([angles(p, 6, 10000.0)] * 2, dim=-1)[:, :, None]
    x1, x2 = x[..., :3], x[..., 3:]
    return x * a.cos() + torch.cat([-x2, x1], dim=-1) * a.sin()


def neighbours(x, p):
    """As the paper has it: each two neighbours are a complex number that is turned."""
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], 3, 2).contiguous())
    turn = torch.polar(torch.ones(1, dtype=F64), angles(p, 6, 10000.0))[:, None]
    return torch.view_as_real(pairs * turn).reshape(x.shape)


case("rotary halves", dict(x=(2, 4, 2, 6)), halves, dict(p=((2, 4), 50)))
case("rotary neighbours", dict(x=(2, 4, 2, 6)), neighbours, dict(p=((4,), 50)))


def attend(q, k, v, seen, bias=0.0):
    """q (B, T, H, D), k and v (B, S, G, ..); seen (B or 1, 1, T, S)."""
    shared = q.shape[2] // k.shape[2]
    k, v = k.repeat_interleave(shared, dim=2), v.repeat_interleave(shared, dim=2)
    scores = torch.einsum("bthd,bshd->bhts", q, k) / math.sqrt(q.shape[3]) + bias
    shares = torch.softmax(scores.masked_fill(~seen, -math.inf), dim=3).nan_to_num(0.0)
    return torch.einsum("bhts,bshe->bthe", shares, v)


def places(rows, count):
    t = torch.arange(rows)[:, None] + count - rows
    return t, torch.arange(count)[None]


def causal(q, k, v):
    t, s = places(q.shape[1], k.shape[1])
    return attend(q, k, v, (s <= t)[None, None])


def windowed(q, k, v):
    t, s = places(q.shape[1], k.shape[1])
    return attend(q, k, v, ((s <= t) & (s > t - 3))[None, None])


def masked(q, k, v, n, m):
    _, s = places(q.shape[1], k.shape[1])
    seen = (s < n[:, None] + 2) & (s >= m[:, None])
    return attend(q, k, v, seen[:, None, None, :].expand(-1, 1, q.shape[1], -1))


def leaning(q, k, v):
    t, s = places(q.shape[1], k.shape[1])
    slopes = 2.0 ** (-8.0 * (torch.arange(q.shape[2], dtype=F64) + 1) / q.shape[2])
    return attend(q, k, v, (s <= t)[None, None], slopes[:, None, None] * (s - t))


def cached(q, k, v, keys, values, n):
    """The new keys and values follow n places of the cache; rows see those and themselves."""
    count = int(n[0]) + q.shape[1]
    old = int(n[0])
    k = torch.cat([keys.permute(0, 3, 1, 2)[:, :old], k], dim=1)
    v = torch.cat([values.transpose(1, 2)[:, :old], v], dim=1)
    t, s = places(q.shape[1], count)
    return attend(q, k, v, (s <= t)[None, None])


ONE = dict(q=(2, 5, 2, 4), k=(2, 5, 2, 4), v=(2, 5, 2, 3))
SHARED = dict(q=(2, 4, 4, 4), k=(2, 6, 2, 4), v=(2, 6, 2, 3))
case("attention causal", ONE, causal)
case("attention shared", SHARED, causal)
case("attention window", SHARED, windowed)
case("attention masked", SHARED, masked, dict(n=((2,), 5), m=((2,), 2)))
case("attention slopes", SHARED, leaning)
case(
    "attention cached",
    dict(q=(2, 2, 4, 4), k=(2, 2, 2, 4), v=(2, 2, 2, 3), keys=(2, 2, 4, 8), values=(2, 2, 8, 3)),
    cached,
    dict(n=((1,), 6)),
    gradient=False,
)

case("relu", dict(x=(40,)), F.relu)
case("gelu", dict(x=(40,)), F.gelu)
case("geluByTanh", dict(x=(40,)), lambda x: F.gelu(x, approximate="tanh"))
case("silu", dict(x=(40,)), F.silu)
case("swiglu", dict(x=(40,), y=(40,)), lambda x, y: F.silu(x) * y)
case("geglu", dict(x=(40,), y=(40,)), lambda x, y: F.gelu(x) * y)
case("embedding", dict(x=(7, 4)), lambda x, t: F.embedding(t, x), dict(t=((3, 5), 7)))
case("softmax", dict(x=(4, 9)), lambda x: torch.softmax(x, -1))
case("logSoftmax", dict(x=(4, 9)), lambda x: torch.log_softmax(x, -1))

TARGETS = dict(t=((6,), 5))
case("crossEntropy", dict(x=(6, 5)), lambda x, t: F.cross_entropy(x, t), TARGETS)
case("crossEntropy ignore", dict(x=(6, 5)), lambda x, t: F.cross_entropy(x, t, ignore_index=2), TARGETS)
case("crossEntropy smoothing", dict(x=(6, 5)), lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1), TARGETS)
case(
    "crossEntropy both",
    dict(x=(6, 5)),
    lambda x, t: F.cross_entropy(x, t, ignore_index=2, label_smoothing=0.2),
    TARGETS,
)
PAIR = dict(x=(3, 7), y=(3, 7))
case("meanSquaredError", PAIR, F.mse_loss)
case("meanAbsoluteError", PAIR, F.l1_loss)
case("huber", PAIR, lambda x, y: F.huber_loss(x, y, delta=0.7))
case(
    "klDivergence",
    PAIR,
    lambda x, y: F.kl_div(x.log_softmax(-1), y.log_softmax(-1), reduction="batchmean", log_target=True),
)
case("binaryCrossEntropy", PAIR, lambda x, y: F.binary_cross_entropy_with_logits(x * 4, y / 8 + 0.5))

case("cumulativeSum", dict(x=(3, 7)), lambda x: x.cumsum(1))
case("cumulativeProduct", dict(x=(5, 3)), lambda x: x.cumprod(0))
case("cumulativeMax", dict(x=(3, 7)), lambda x: x.cummax(1).values)
case("cumulativeMin", dict(x=(3, 7)), lambda x: x.cummin(1).values)
case("clip", dict(x=(40,)), lambda x: x.clamp(-0.75, 0.5))
case("where", PAIR, lambda x, y: torch.where(x < y, x, y * 2))
case("oneHot", dict(), lambda t: F.one_hot(t, 5).to(F64), TARGETS, gradient=False)
case("argmax", dict(x=(4, 9)), lambda x: x.argmax(-1).to(F64), gradient=False)
case("argmin", dict(x=(4, 9)), lambda x: x.argmin(0).to(F64), gradient=False)
case("greatestPlaces", dict(x=(4, 9)), lambda x: x.topk(3).indices.sort(-1).values.to(F64), gradient=False)
case(
    "keepGreatest",
    dict(x=(4, 9)),
    lambda x: torch.softmax(x.masked_fill(x < x.topk(3).values[:, -1:], -math.inf), -1),
)


def nucleus(x):
    """Sorted, summed up, and everything kept until the sum has reached p."""
    p, order = torch.softmax(x, -1).sort(-1, descending=True)
    kept = p.cumsum(-1) - p < 0.6
    out = torch.zeros_like(kept).scatter(1, order, kept)
    return torch.softmax(x.masked_fill(~out, -math.inf), -1)


case("keepLikeliest", dict(x=(4, 9)), nucleus)


stored, made = {}, {}
for at, (name, (shapes, index, fn, gradient)) in enumerate(CASES.items()):
    grids = {n: numbers(1000 * at + i, s).requires_grad_() for i, (n, s) in enumerate(shapes.items())}
    indices = {n: words(1000 * at + 500 + i, s, below) for i, (n, (s, below)) in enumerate(index.items())}
    y = fn(*grids.values(), *indices.values())
    stored[f"{name}: result"] = y.detach()
    if gradient:
        (y * weights(y.shape)).sum().backward()
        stored.update({f"{name}: {n}": g.grad for n, g in grids.items() if g.grad is not None})
    made[name] = dict(
        numbers={n: list(s) for n, s in shapes.items()},
        words={n: dict(shape=list(s), below=below) for n, (s, below) in index.items()},
    )
save(HERE / "operations.safetensors", stored, {"made": json.dumps(made), "torch": torch.__version__})
print(len(CASES), "cases")
