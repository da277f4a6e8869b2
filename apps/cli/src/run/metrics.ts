import { appendFile, readFile } from 'node:fs/promises'
import { writeAtomic } from '@lockstep/node/atomic-file'
import { z } from 'zod'

/**
 * One line of metrics.jsonl. `loss` and `norm` are the program's outputs at a step (mean nats per token, the
 * gradient's norm); `heldOut` is the loss on text that is not trained on, after that many steps, in nats per byte.
 */
export type Metric =
  | { readonly step: number; readonly loss: number; readonly norm: number }
  | { readonly step: number; readonly heldOut: number }

const number = z.number().nullable() // JSON has no infinities: a loss that left the numbers is null
const schema = z.union([
  z.strictObject({ step: z.int(), loss: number, norm: number }),
  z.strictObject({ step: z.int(), heldOut: number }),
])

/** The metrics so far, one of a kind a step, in order. A torn or foreign line is left out: they are a convenience. */
export const readMetrics = async (path: string): Promise<Metric[]> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw Object.assign(error, { path })
  })
  const found = new Map<string, Metric>()
  for (const line of text.split('\n')) {
    const metric = parseLine(line)
    if (metric) found.set(`${metric.step} ${'heldOut' in metric}`, metric)
  }
  return [...found.values()].sort(
    (a, b) => a.step - b.step || Number('heldOut' in a) - Number('heldOut' in b),
  )
}

const parseLine = (line: string): Metric | undefined => {
  try {
    const parsed = schema.safeParse(JSON.parse(line))
    return parsed.success ? (parsed.data as Metric) : undefined
  } catch {
    return undefined
  }
}

const encode = (metrics: readonly Metric[]): string => metrics.map((m) => `${JSON.stringify(m)}\n`).join('')

export const appendMetrics = (path: string, metrics: readonly Metric[]): Promise<void> =>
  appendFile(path, encode(metrics)).catch((error) => {
    throw Object.assign(error, { path })
  })

/** Rewrites the file without repeated, torn and foreign lines. */
export const tidyMetrics = async (path: string): Promise<void> =>
  writeAtomic(path, encode(await readMetrics(path)))
