import { createHash } from 'node:crypto'
import { arch, cpus, platform, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { initialState, trainProgram } from '@lockstep/models'
import { loadNative } from '@lockstep/native'
import { estimateProgram } from '@lockstep/tensor'
import { z } from 'zod'
import { readBounded } from '../bounded-file.ts'
import { openById } from '../executors/open-by-id.ts'
import { makePrivateDirectory, writePrivate } from '../keys/private-file.ts'

/** What this machine's executor really does. */
export type Capability = {
  /** The executor's name: its kind, threads, and whether fma is fused. */
  readonly executor: string
  readonly threads: number
  /** Units of 10^6 scalar instructions, on a training step of a small transformer. */
  readonly unitsPerSecond: number
  /** Bytes of the machine. */
  readonly memory: number
  /** What the measurement is valid for; another processor, engine or number of threads is another machine. */
  readonly machine: string
  /** Milliseconds since 1970. */
  readonly measuredAt: number
}

/** A model small enough to time in seconds, and large enough that its speed says something about larger ones. */
const MODEL = { vocab: 256, context: 64, width: 128, layers: 2, heads: 4, dropout: 0 }
const TRAIN = { batch: 8, steps: 64, warmup: 1, rate: 1e-3, lastRate: 0.1, clip: 1, decay: 0.1 }
const ADAM = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 }
const CORPUS = { tokens: 4096, dtype: 'u8' } as const
const LEAST_SECONDS = 1.5 // what a machine is judged by
const MOST_STEPS = 256

/** A month, in which drivers, cooling and neighbours change. */
const VALID = 30 * 86_400_000
const MOST_BYTES = 4096

const capabilitySchema = z.strictObject({
  executor: z.string().max(64),
  threads: z.int().min(1).max(256),
  unitsPerSecond: z.number().positive(),
  memory: z.number().positive(),
  machine: z.string().max(64),
  measuredAt: z.number(),
})

export type MeasureOptions = {
  readonly threads: number
  /** Where the result is kept for the next start. */
  readonly file: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Which way of the processor; by default the fastest that is there. */
  readonly on?: 'wasm' | 'native'
  /** How long it runs at least: less says less, and is for whoever needs no true figure. */
  readonly leastSeconds?: number
}

/** What was measured on this machine within the last month, or what is measured now. */
export const capabilityOf = async (options: MeasureOptions): Promise<Capability> => {
  const { threads, file, now, leastSeconds = LEAST_SECONDS } = options
  const { on = loadNative() ? 'native' : 'wasm' } = options
  const machine = machineId(threads, on)
  const known = await readCapability(file)
  const age = known === undefined ? Number.NaN : now() - known.measuredAt
  if (known?.machine === machine && age >= 0 && age < VALID) return known
  const measured = { ...(await measure(threads, on, leastSeconds)), machine, measuredAt: now() }
  await makePrivateDirectory(dirname(file))
  await writePrivate(file, `${JSON.stringify(measured, null, 2)}\n`, { replace: true })
  return measured
}

/** Which hardware, engine and number of threads a measurement is of. */
export const machineId = (threads: number, on: 'wasm' | 'native' = 'native'): string => {
  const models = cpus().map(({ model }) => model)
  const native = on === 'native' ? (loadNative()?.address ?? '') : ''
  const parts = [platform(), arch(), process.versions.v8, native, totalmem(), threads, ...models]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}

const measure = async (
  threads: number,
  on: 'wasm' | 'native',
  leastSeconds: number,
): Promise<Omit<Capability, 'machine' | 'measuredAt'>> => {
  const program = trainProgram({ kind: 'gpt', config: MODEL }, { ...TRAIN, ...ADAM }, CORPUS)
  const { work } = estimateProgram(program)
  const executor = await openById(on, { threads })
  try {
    const text = new Uint8Array(CORPUS.tokens).map((_, i) => i * 7)
    const runner = await executor.compile(program, [{ dtype: 'u8', shape: [CORPUS.tokens], data: text }])
    try {
      runner.load(initialState({ kind: 'gpt', config: MODEL }, 1))
      await runner.step(2) // the engine optimises what it has seen run
      const start = performance.now()
      let steps = 0
      let seconds = 0
      while (seconds < leastSeconds && steps < MOST_STEPS) {
        await runner.step()
        steps++
        seconds = (performance.now() - start) / 1000
      }
      const unitsPerSecond = (work * steps) / 1e6 / seconds
      return { executor: executor.name, threads, unitsPerSecond, memory: totalmem() }
    } finally {
      runner.close()
    }
  } finally {
    await executor.close()
  }
}

/** A file that is missing or damaged is measured anew. */
const readCapability = async (file: string): Promise<Capability | undefined> => {
  const bytes = await readBounded(file, MOST_BYTES, '').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (!bytes?.ok) return undefined
  try {
    return capabilitySchema.parse(JSON.parse(new TextDecoder().decode(bytes.value)))
  } catch {
    return undefined
  }
}
