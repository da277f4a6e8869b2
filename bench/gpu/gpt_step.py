"""One training step of a GPT in the 124M layout with PyTorch, eager, float32, tensor cores off. Prints seconds as JSON."""
import json, sys, time
import torch
import torch.nn as nn
import torch.nn.functional as F

tokens, layers, rounds = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.set_float32_matmul_precision("highest")
W, H, V = 768, 12, 50257


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(W), nn.LayerNorm(W)
        self.qkv, self.out = nn.Linear(W, 3 * W), nn.Linear(W, W)
        self.up, self.down = nn.Linear(W, 4 * W), nn.Linear(4 * W, W)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = (y.view(b, t, H, W // H).transpose(1, 2) for y in self.qkv(self.n1(x)).split(W, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, W))
        return x + self.down(F.gelu(self.up(self.n2(x))))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(V, W), nn.Embedding(tokens, W)
        self.blocks = nn.ModuleList(Block() for _ in range(layers))
        self.norm = nn.LayerNorm(W)

    def forward(self, ids):
        x = self.words(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.words.weight.T


model = Model().cuda()
optimiser = torch.optim.AdamW(model.parameters())
ids = torch.randint(V, (1, tokens + 1), device="cuda")


def step():
    optimiser.zero_grad(set_to_none=True)
    loss = F.cross_entropy(model(ids[:, :-1]).view(-1, V), ids[:, 1:].reshape(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()


for _ in range(3):
    step()
times = []
for _ in range(rounds):
    torch.cuda.synchronize()
    start = time.perf_counter()
    step()
    torch.cuda.synchronize()
    times.append(time.perf_counter() - start)
print(json.dumps({"seconds": sorted(times)[len(times) // 2], "version": torch.__version__}))
