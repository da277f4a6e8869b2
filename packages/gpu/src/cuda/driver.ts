import { Buffer } from 'node:buffer'
import koffi from 'koffi'

/**
 * NVIDIA's driver interface (CUDA Driver API) through a foreign-function package: nothing else of CUDA is needed. Handles
 * and device addresses are integers as wide as a pointer. Every call's result is checked: an error names the function
 * and the driver's own name of the result.
 */
const FUNCTIONS = {
  cuInit: 'uint32_t flags',
  cuDriverGetVersion: '_Out_ int *version',
  cuDeviceGetCount: '_Out_ int *count',
  cuDeviceGet: '_Out_ int *device, int ordinal',
  cuDeviceGetName: '_Out_ uint8_t *name, int length, int device',
  cuDeviceGetAttribute: '_Out_ int *value, int attribute, int device',
  cuDeviceTotalMem_v2: '_Out_ uint64_t *bytes, int device',
  cuDevicePrimaryCtxRetain: '_Out_ uint64_t *context, int device',
  cuDevicePrimaryCtxRelease_v2: 'int device',
  cuCtxSetCurrent: 'uint64_t context',
  cuMemGetInfo_v2: '_Out_ uint64_t *free, _Out_ uint64_t *total',
  cuMemAlloc_v2: '_Out_ uint64_t *address, uint64_t bytes',
  cuMemFree_v2: 'uint64_t address',
  cuMemcpyHtoDAsync_v2: 'uint64_t to, const void *from, uint64_t bytes, uint64_t stream',
  cuMemcpyDtoHAsync_v2: 'void *to, uint64_t from, uint64_t bytes, uint64_t stream',
  cuMemcpyDtoDAsync_v2: 'uint64_t to, uint64_t from, uint64_t bytes, uint64_t stream',
  cuModuleLoadDataEx:
    '_Out_ uint64_t *module, const void *image, uint32_t options, const void *names, const void *values',
  cuModuleUnload: 'uint64_t module',
  cuModuleGetFunction: '_Out_ uint64_t *function, uint64_t module, const char *name',
  cuFuncGetAttribute: '_Out_ int *value, int attribute, uint64_t function',
  cuLaunchKernel:
    'uint64_t function, uint32_t gx, uint32_t gy, uint32_t gz, uint32_t bx, uint32_t by, uint32_t bz, uint32_t shared, uint64_t stream, const void *parameters, const void *extra',
  cuStreamCreate: '_Out_ uint64_t *stream, uint32_t flags',
  cuStreamDestroy_v2: 'uint64_t stream',
  cuStreamSynchronize: 'uint64_t stream',
  cuStreamBeginCapture_v2: 'uint64_t stream, int mode',
  cuStreamEndCapture: 'uint64_t stream, _Out_ uint64_t *graph',
  cuGraphInstantiateWithFlags: '_Out_ uint64_t *executable, uint64_t graph, uint64_t flags',
  cuGraphLaunch: 'uint64_t executable, uint64_t stream',
  cuGraphExecDestroy: 'uint64_t executable',
  cuGraphDestroy: 'uint64_t graph',
  cuEventCreate: '_Out_ uint64_t *event, uint32_t flags',
  cuEventRecord: 'uint64_t event, uint64_t stream',
  cuEventSynchronize: 'uint64_t event',
  cuEventElapsedTime: '_Out_ float *milliseconds, uint64_t start, uint64_t end',
  cuEventDestroy_v2: 'uint64_t event',
} as const

type Name = keyof typeof FUNCTIONS
type Argument =
  | number
  | bigint
  | string
  | null
  | Uint8Array
  | Uint32Array
  | BigUint64Array
  | [number | bigint]
  | unknown
export type Driver = {
  /** Calls a function of the driver; fails with an error unless its result is success. */
  readonly call: (name: Name, ...values: Argument[]) => void
  /** The value that a function gives through its first pointer. */
  readonly get: (name: Name, ...values: Argument[]) => number
  /** Whether all work of a stream is done; fails with the error that ended it. */
  readonly isDone: (stream: number) => boolean
  /** `major * 1000 + minor * 10` of the CUDA that the driver speaks. */
  readonly version: number
}
export type DriverFound = { readonly driver: Driver } | { readonly why: string }

const NOT_READY = 600

let found: DriverFound | undefined

/** This machine's NVIDIA driver, started; or one line that says why there is none. */
export const findDriver = (): DriverFound => {
  found ??= load()
  return found
}

const LIBRARIES =
  process.platform === 'win32' ? ['nvcuda.dll'] : ['libcuda.so.1', '/usr/lib/wsl/lib/libcuda.so.1']

const load = (): DriverFound => {
  if (process.platform !== 'win32' && process.platform !== 'linux')
    return { why: `there is no NVIDIA driver on ${process.platform}` }
  let library: ReturnType<typeof koffi.load> | undefined
  for (const name of LIBRARIES) {
    try {
      library = koffi.load(name)
      break
    } catch {
      // the next place may have it
    }
  }
  if (!library) return { why: `there is no NVIDIA driver on this machine: no ${LIBRARIES.join(', no ')}` }
  try {
    return { driver: bind(library) }
  } catch (error) {
    return { why: `the NVIDIA driver of this machine cannot be used: ${(error as Error).message}` }
  }
}

const bind = (library: ReturnType<typeof koffi.load>): Driver => {
  type Function_ = (...values: unknown[]) => number
  const functions = new Map<string, Function_>()
  for (const [name, parameters] of Object.entries(FUNCTIONS))
    functions.set(name, library.func(`int ${name}(${parameters})`) as unknown as Function_)
  const query = library.func('int cuStreamQuery(uint64_t stream)') as unknown as Function_
  const errorName = library.func('int cuGetErrorName(int result, _Out_ const char **name)') as unknown as (
    result: number,
    name: [string | null],
  ) => number
  const check = (name: string, result: number): void => {
    if (result === 0) return
    const text: [string | null] = [null]
    errorName(result, text)
    throw new Error(`${name} gives ${text[0] ?? 'an unknown result'} (${result})`)
  }
  const call = (name: Name, ...values: Argument[]): void => check(name, functions.get(name)!(...values))
  const get = (name: Name, ...values: Argument[]): number => {
    const out: [number | bigint] = [0]
    call(name, out, ...values)
    const value = Number(out[0])
    if (!Number.isSafeInteger(value) && name !== 'cuEventElapsedTime')
      throw new Error(`${name} gives ${out[0]}, which is more than 2^53`)
    return value
  }
  call('cuInit', 0)
  const isDone = (stream: number): boolean => {
    const result = query(stream)
    if (result === NOT_READY) return false
    check('cuStreamQuery', result)
    return true
  }
  return { call, get, isDone, version: get('cuDriverGetVersion') }
}

const JIT_INFO_LOG = 3
const JIT_INFO_LOG_BYTES = 4
const JIT_ERROR_LOG = 5
const JIT_ERROR_LOG_BYTES = 6
const LOG_BYTES = 16384

/** Loads PTX text; an error has what the driver's assembler said. */
export const loadModule = (driver: Driver, text: string): number => {
  const logs = [koffi.alloc('uint8_t', LOG_BYTES), koffi.alloc('uint8_t', LOG_BYTES)]
  try {
    for (const log of logs) koffi.encode(log, 'uint8_t', 0)
    const names = Uint32Array.of(JIT_INFO_LOG, JIT_INFO_LOG_BYTES, JIT_ERROR_LOG, JIT_ERROR_LOG_BYTES)
    const size = BigInt(LOG_BYTES)
    const [info, errors] = logs.map((log) => koffi.address(log)) as [bigint, bigint]
    const values = BigUint64Array.of(info, size, errors, size)
    try {
      return driver.get('cuModuleLoadDataEx', Buffer.from(`${text}\0`), names.length, names, values)
    } catch (error) {
      const said = Buffer.from(koffi.decode(logs[1]!, 'uint8_t', LOG_BYTES) as number[])
      const end = said.indexOf(0)
      throw new Error(
        `${(error as Error).message}: ${said.toString('utf8', 0, end < 0 ? LOG_BYTES : end).trim()}`,
      )
    }
  } finally {
    for (const log of logs) koffi.free(log)
  }
}

/** A block of parameters that the driver reads while a launch is being asked for. */
export class ParameterBlock {
  readonly #words: unknown
  readonly #places: BigUint64Array
  static readonly most = 64

  constructor() {
    this.#words = koffi.alloc('uint64_t', ParameterBlock.most)
    const first = koffi.address(this.#words)
    this.#places = BigUint64Array.from({ length: ParameterBlock.most }, (_, i) => first + BigInt(8 * i))
  }
  /** What cuLaunchKernel takes for kernels whose parameters are these integers of 64 bits. */
  of(values: readonly number[]): BigUint64Array {
    if (values.length > ParameterBlock.most)
      throw new RangeError(`a kernel has at most ${ParameterBlock.most} parameters`)
    koffi.encode(this.#words, koffi.array('uint64_t', values.length), values as number[])
    return this.#places
  }
  free(): void {
    koffi.free(this.#words)
  }
}
