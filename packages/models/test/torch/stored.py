"""What both generators share: numbers from a formula, and the file that results are stored in."""

import json
import struct


def lcg(seed, count, bits):
    """The top bits of a linear congruential generator."""
    x = seed & 0xFFFFFFFF
    out = []
    for _ in range(count):
        x = (1664525 * x + 1013904223) & 0xFFFFFFFF
        out.append(x >> (32 - bits))
    return out


def save(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, t in tensors.items():
        raw = struct.pack(f"<{t.numel()}f", *t.flatten().tolist())
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
