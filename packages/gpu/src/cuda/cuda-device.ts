import { Buffer } from 'node:buffer'
import { setImmediate, setTimeout } from 'node:timers'
import { targetOf } from '../ptx/kernel-text.ts'
import type { Device, Entry, Sequence } from './device.ts'
import { type Driver, findDriver, loadModule, ParameterBlock } from './driver.ts'

/** One card, as the driver describes it. */
export type CudaDeviceInfo = {
  readonly ordinal: number
  readonly name: string
  /** The compute capability, such as 9.0. */
  readonly capability: string
  readonly memory: number
  readonly multiprocessors: number
  /** Of the processor, in Hz, at most. */
  readonly clock: number
}

const MULTIPROCESSORS = 16
const CLOCK_KHZ = 13
const CAPABILITY_MAJOR = 75
const CAPABILITY_MINOR = 76
const NON_BLOCKING = 1
const CAPTURE_THREAD_LOCAL = 1

const describe = (
  driver: Driver,
  ordinal: number,
): CudaDeviceInfo & { handle: number; major: number; minor: number } => {
  const handle = driver.get('cuDeviceGet', ordinal)
  const bytes = Buffer.alloc(256)
  driver.call('cuDeviceGetName', bytes, bytes.length, handle)
  const of = (attribute: number): number => driver.get('cuDeviceGetAttribute', attribute, handle)
  const [major, minor] = [of(CAPABILITY_MAJOR), of(CAPABILITY_MINOR)]
  return {
    ordinal,
    handle,
    major,
    minor,
    name: bytes.toString('utf8', 0, bytes.indexOf(0)),
    capability: `${major}.${minor}`,
    memory: driver.get('cuDeviceTotalMem_v2', handle),
    multiprocessors: of(MULTIPROCESSORS),
    clock: 1000 * of(CLOCK_KHZ),
  }
}

/** The cards of this machine, or one line that says why there is none. */
export const cudaDevices = (): { readonly devices: readonly CudaDeviceInfo[] } | { readonly why: string } => {
  const found = findDriver()
  if ('why' in found) return found
  const { driver } = found
  try {
    const count = driver.get('cuDeviceGetCount')
    if (count === 0) return { why: 'the NVIDIA driver of this machine shows no device' }
    return {
      devices: Array.from({ length: count }, (_, i) => {
        const { ordinal, name, capability, memory, multiprocessors, clock } = describe(driver, i)
        return { ordinal, name, capability, memory, multiprocessors, clock }
      }),
    }
  } catch (error) {
    return { why: `the NVIDIA driver of this machine cannot be used: ${(error as Error).message}` }
  }
}

/** A card, with a stream of its own; times are in seconds of the card's clock. */
export type CudaDevice = Device & {
  readonly info: CudaDeviceInfo
  readonly driver: Driver
  readonly stream: number
  /** Bytes that are free on the card. */
  freeMemory(): number
  /** Seconds that what `run` asks for takes on the card. */
  time(run: () => void): number
  /** Registers and bytes of local memory (spills) of a thread, and shared bytes of a block, of an entry. */
  attributes(entry: Entry): { readonly registers: number; readonly local: number; readonly shared: number }
}

let current: number | undefined // the context that this thread has chosen

/** Opens a card. Fails with one line where there is no driver, no such card, or one older than 7.5. */
export const openCudaDevice = (ordinal = 0): CudaDevice => {
  const found = findDriver()
  if ('why' in found) throw new Error(found.why)
  const { driver } = found
  const count = driver.get('cuDeviceGetCount')
  if (!Number.isInteger(ordinal) || ordinal < 0 || ordinal >= count)
    throw new RangeError(`device is ${ordinal}; allowed: 0 to ${count - 1}; cudaDevices() lists them`)
  const { handle, major, minor, ...info } = describe(driver, ordinal)
  const target = targetOf(major, minor)
  if (!target)
    throw new Error(
      `${info.name} has compute capability ${info.capability}; needed: 7.5 or later; use another executor`,
    )
  const context = driver.get('cuDevicePrimaryCtxRetain', handle)
  const enter = (): void => {
    if (current === context) return
    driver.call('cuCtxSetCurrent', context)
    current = context
  }
  enter()
  const stream = driver.get('cuStreamCreate', NON_BLOCKING)
  const parameterBlock = new ParameterBlock()
  let closed = false
  const call: Driver['call'] = (name, ...values) => {
    if (closed) throw new Error(`the device ${info.name} is closed`)
    enter()
    driver.call(name, ...values)
  }
  const get: Driver['get'] = (name, ...values) => {
    if (closed) throw new Error(`the device ${info.name} is closed`)
    enter()
    return driver.get(name, ...values)
  }
  const done = async (): Promise<void> => {
    for (let i = 0; ; i++) {
      if (closed) return
      enter()
      if (driver.isDone(stream)) return
      // A short step is waited for closely, a long one without keeping a core busy.
      await new Promise<void>((resolve) => {
        if (i < 2000) setImmediate(resolve)
        else setTimeout(resolve, 1)
      })
    }
  }
  return {
    info,
    driver,
    stream,
    name: info.name,
    target,
    multiprocessors: info.multiprocessors,
    allocate: (bytes) => get('cuMemAlloc_v2', bytes),
    free: (address) => call('cuMemFree_v2', address),
    module: (text, names) => {
      enter()
      const module = loadModule(driver, text)
      try {
        const entries = names.map((name) => get('cuModuleGetFunction', module, name) as unknown as Entry)
        return { entries, unload: () => call('cuModuleUnload', module) }
      } catch (error) {
        call('cuModuleUnload', module)
        throw error
      }
    },
    upload: (address, bytes) => {
      if (bytes.length === 0) return
      call('cuMemcpyHtoDAsync_v2', address, own(bytes), bytes.length, stream)
      call('cuStreamSynchronize', stream)
    },
    download: (address, into) => {
      if (into.length === 0) return
      const place = own(into, true)
      call('cuMemcpyDtoHAsync_v2', place, address, into.length, stream)
      call('cuStreamSynchronize', stream)
      if (place !== into) into.set(place)
    },
    copy: (from, to, bytes) => call('cuMemcpyDtoDAsync_v2', to, from, bytes, stream),
    launch: (entry, blocks, threads, parameters) =>
      call(
        'cuLaunchKernel',
        ...[
          entry as unknown as number,
          blocks,
          1,
          1,
          threads,
          1,
          1,
          0,
          stream,
          parameterBlock.of(parameters),
          null,
        ],
      ),
    record: (run) => {
      call('cuStreamBeginCapture_v2', stream, CAPTURE_THREAD_LOCAL)
      let failed: unknown
      try {
        run()
      } catch (error) {
        failed = error
      }
      const out: [number] = [0]
      call('cuStreamEndCapture', stream, out)
      const graph = Number(out[0])
      try {
        if (failed !== undefined) throw failed
        return get('cuGraphInstantiateWithFlags', graph, 0) as unknown as Sequence
      } finally {
        call('cuGraphDestroy', graph)
      }
    },
    replay: (sequence) => call('cuGraphLaunch', sequence as unknown as number, stream),
    drop: (sequence) => call('cuGraphExecDestroy', sequence as unknown as number),
    done,
    freeMemory: () => get('cuMemGetInfo_v2', [0]),
    time: (run) => {
      const [start, end] = [get('cuEventCreate', 0), get('cuEventCreate', 0)]
      try {
        call('cuEventRecord', start, stream)
        run()
        call('cuEventRecord', end, stream)
        call('cuEventSynchronize', end)
        return get('cuEventElapsedTime', start, end) / 1000
      } finally {
        call('cuEventDestroy_v2', start)
        call('cuEventDestroy_v2', end)
      }
    },
    attributes: (entry) => {
      const of = (attribute: number): number =>
        get('cuFuncGetAttribute', attribute, entry as unknown as number)
      return { shared: of(1), local: of(3), registers: of(4) }
    },
    close: () => {
      if (closed) return
      enter()
      driver.call('cuStreamSynchronize', stream)
      driver.call('cuStreamDestroy_v2', stream)
      parameterBlock.free()
      driver.call('cuDevicePrimaryCtxRelease_v2', handle)
      current = undefined
      closed = true
    },
  }
}

/** The same bytes in memory that the foreign-function package can name: not shared between threads. */
const own = (bytes: Uint8Array, empty = false): Uint8Array =>
  bytes.buffer instanceof SharedArrayBuffer ? (empty ? new Uint8Array(bytes.length) : bytes.slice()) : bytes
