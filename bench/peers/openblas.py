"""OpenBLAS by itself: its cblas_sgemm, called where it lies."""
import ctypes
import ctypes.util
import glob
import json
import sys

from serve import absent, serve

order = json.loads(sys.argv[1])
try:
    import numpy as np

    from pattern import pattern
except ImportError as error:
    absent(str(error))

places = glob.glob("/usr/lib/*/openblas-pthread/libopenblas.so.0") + glob.glob("/usr/lib/*/libopenblas.so.0")
name = places[0] if places else ctypes.util.find_library("openblas")
if name is None:
    absent("libopenblas is not installed")
blas = ctypes.CDLL(name)
blas.openblas_get_config.restype = ctypes.c_char_p
blas.openblas_get_corename.restype = ctypes.c_char_p
blas.openblas_set_num_threads(order["threads"])
version = blas.openblas_get_config().decode().strip() + " on " + blas.openblas_get_corename().decode()
version = version[len("OpenBLAS ") :] if version.startswith("OpenBLAS ") else version

ROW_MAJOR, AS_IT_IS = 101, 111


def build(order):
    if order["case"] != "product":
        absent("OpenBLAS has matrix products only")
    batch, m, n, k = (order[x] for x in ("batch", "m", "n", "k"))
    a, b = pattern(1, (batch, m, k)), pattern(2, (batch, k, n))
    c = np.zeros((batch, m, n), np.float32)
    size, one, nought = ctypes.c_int, ctypes.c_float(1), ctypes.c_float(0)
    at = [[ctypes.c_void_p(x[i].ctypes.data) for x in (a, b, c)] for i in range(batch)]

    def run(keep=(a, b, c)):  # the pointers alone would not keep the arrays
        for pa, pb, pc in at:
            blas.cblas_sgemm(
                ROW_MAJOR, AS_IT_IS, AS_IT_IS, size(m), size(n), size(k), one, pa, size(k), pb, size(n), nought, pc, size(n)
            )

    run()
    flat = c.reshape(-1)
    return [flat[0], flat[flat.size // 2], flat[-1]], run


serve(version, build)
