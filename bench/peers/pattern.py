"""The numbers of bench/engine/pattern.ts, bit for bit."""
import numpy as np


def pattern(seed, shape, scale=1.0):
    n = int(np.prod(shape))
    start = np.uint32(((seed + 1) * 0x9E3779B1) & 0xFFFFFFFF)
    u = (np.arange(n, dtype=np.uint32) + start) * np.uint32(0x85EBCA6B)
    u = (u ^ (u >> np.uint32(15))) * np.uint32(0x045D9F3B)
    u = u ^ (u >> np.uint32(16))
    x = ((u >> np.uint32(8)).astype(np.float64) * 2.0**-24 - 0.5).astype(np.float32)
    return (x * np.float32(scale)).reshape(shape)


def pattern_words(seed, shape, below):
    return np.floor((pattern(seed, shape).astype(np.float64) + 0.5) * below).astype(np.int64)


def weight(w, index):
    return pattern(10 + index, w["shape"], w["scale"]) + np.float32(w["base"])
