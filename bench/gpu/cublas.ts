import { globSync } from 'node:fs'
import type { CudaDevice } from '@lockstep/gpu/cuda'
import koffi from 'koffi'

/** cuBLAS, where the machine has it, in IEEE float32: the pedantic mode keeps tensor cores and TF32 out. */
export type Cublas = {
  readonly version: number
  /** out = a * b of n x n row-major matrices at these addresses. */
  multiply(n: number, a: number, b: number, out: number): void
  close(): void
}

const PLACES = [
  '/usr/local/cuda*/lib64/libcublas.so*',
  '/usr/local/cuda*/targets/*/lib/libcublas.so*',
  '/usr/lib/x86_64-linux-gnu/libcublas.so*',
  '/usr/lib/python3*/**/nvidia/*/lib/libcublas.so*',
  '/usr/local/lib/python3*/**/nvidia/*/lib/libcublas.so*',
  '/opt/**/nvidia/*/lib/libcublas.so*',
]
const PEDANTIC = 2

export const findCublas = (device: CudaDevice): Cublas | { readonly why: string } => {
  const names = ['libcublas.so.13', 'libcublas.so.12', 'libcublas.so.11', 'libcublas.so']
  let library: ReturnType<typeof koffi.load> | undefined
  const attempt = (name: string): void => {
    if (library) return
    try {
      library = koffi.load(name)
    } catch {
      // the next place may have it
    }
  }
  if (process.env.CUBLAS) attempt(process.env.CUBLAS)
  names.forEach(attempt)
  if (!library) for (const place of PLACES) for (const name of globSync(place)) attempt(name)
  if (!library) return { why: 'no libcublas on this machine: set CUBLAS to its path' }
  const found = library
  type Function_ = (...values: unknown[]) => number
  const bind = (name: string, parameters: string): Function_ => {
    const f = found.func(`int ${name}(${parameters})`) as unknown as Function_
    return (...values) => {
      const result = f(...values)
      if (result !== 0) throw new Error(`${name} gives ${result}`)
      return result
    }
  }
  const create = bind('cublasCreate_v2', '_Out_ uint64_t *handle')
  const destroy = bind('cublasDestroy_v2', 'uint64_t handle')
  const setStream = bind('cublasSetStream_v2', 'uint64_t handle, uint64_t stream')
  const setMode = bind('cublasSetMathMode', 'uint64_t handle, int mode')
  const getVersion = bind('cublasGetVersion_v2', 'uint64_t handle, _Out_ int *version')
  const sgemm = bind(
    'cublasSgemm_v2',
    'uint64_t handle, int ta, int tb, int m, int n, int k, const float *alpha, uint64_t a, int lda, uint64_t b, int ldb, const float *beta, uint64_t c, int ldc',
  )
  device.freeMemory() // the card's context is this thread's
  const handle: [number | bigint] = [0]
  create(handle)
  setStream(handle[0], device.stream)
  setMode(handle[0], PEDANTIC)
  const version: [number] = [0]
  getVersion(handle[0], version)
  return {
    version: version[0],
    // Column-major: the transposed product of the transposed factors.
    multiply: (n, a, b, out) => void sgemm(handle[0], 0, 0, n, n, n, [1], b, n, a, n, [0], out, n),
    close: () => void destroy(handle[0]),
  }
}
