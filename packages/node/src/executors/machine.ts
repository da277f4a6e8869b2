import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { findNative } from '@lockstep/native'
import { z } from 'zod'
import { executorId, isDevice } from './id.ts'

/** One executor of this machine, as what drives it describes it. Nothing of it has been proven. */
export const executorInfo = z.strictObject({
  id: executorId,
  name: z.string().max(256),
  /** What lies under it: the engine, the driver and its version. */
  driver: z.string().max(256),
  /** Bytes that a program may take there; of a WebGPU device, its largest block. */
  memory: z.number().min(0),
  /** Whether the processor plays the device, which is never faster than WebAssembly. */
  software: z.boolean(),
})
export type ExecutorInfo = z.infer<typeof executorInfo>

/** What a machine has, and for each kind that it has not, why. */
export const executorListing = z.strictObject({
  found: z.array(executorInfo).max(64),
  missing: z.array(z.strictObject({ kind: z.string().max(16), why: z.string().max(1024) })).max(8),
})
export type ExecutorListing = z.infer<typeof executorListing>

/** The ways of the processor, which no driver is asked for. */
export const processors = (): ExecutorListing => {
  const engine = { driver: `V8 ${process.versions.v8}`, memory: totalmem(), software: false }
  const wasm: ExecutorInfo = { id: 'wasm', name: 'WebAssembly', ...engine }
  const native = findNative()
  if ('why' in native) return { found: [wasm], missing: [{ kind: 'native', why: native.why }] }
  const sets = native.native.products.map(({ set }) => set).join(', ')
  const name = `WebAssembly, native ${sets || 'hashes'}`
  const driver = `${engine.driver}, ${native.native.address}`
  return { found: [{ ...engine, id: 'native', name, driver }, wasm], missing: [] }
}

/** Everything that this machine can compute on. Starts drivers in this process: ask in one that may end with them. */
export const listExecutors = async (): Promise<ExecutorListing> => {
  const { found, missing } = processors()
  const { cudaDevices, findDriver } = await import('@lockstep/gpu/cuda')
  const cards = cudaDevices()
  const driver = findDriver()
  if ('why' in cards) missing.push({ kind: 'cuda', why: cards.why })
  else
    for (const { ordinal, name, memory, capability } of cards.devices) {
      const version = 'driver' in driver ? driver.driver.version : 0
      const speaks = `CUDA ${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`
      found.push({
        ...{ id: `cuda:${ordinal}`, name, memory, software: false },
        driver: `${speaks}, compute capability ${capability}`,
      })
    }
  const { webGpuAdapters } = await import('./adapters.ts')
  const adapters = await webGpuAdapters()
  if ('why' in adapters) missing.push({ kind: 'webgpu', why: adapters.why })
  else
    adapters.adapters.forEach(({ name, driver, memory, software }, i) => {
      found.push({ id: `webgpu:${i}`, name, driver, memory, software })
    })
  return { found, missing }
}

const ROOT = join(import.meta.dirname, '../../..')
let ours: string | undefined

/** The digest of all code of ours that decides what an executor computes. */
export const ownVersion = (): string => {
  if (ours !== undefined) return ours
  const hash = createHash('sha256')
  for (const name of ['tensor', 'gpu', 'native'])
    for (const file of globSync('**/*.ts', { cwd: join(ROOT, name, 'src') }).sort())
      hash.update(`${name}/${file}\n`).update(readFileSync(join(ROOT, name, 'src', file)))
  ours = hash.digest('hex').slice(0, 32)
  return ours
}

/** What a proof and a measurement are of: another device, driver or version of ours is another. */
export const fingerprint = ({ id, name, driver, memory }: ExecutorInfo): string => {
  const parts = [id, name, driver, isDevice(id) ? memory : 0, ownVersion()]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}
