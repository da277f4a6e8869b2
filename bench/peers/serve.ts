import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Order, Weight } from '../engine/order.ts'
import { pattern } from '../engine/pattern.ts'

/** What a process of a peer is told: its order, the weights that it names, and how many threads it may use. */
export type Given = (Order | { readonly case: 'version' }) & {
  readonly weights: readonly Weight[]
  readonly threads: number
  readonly peer: string
}
export type Built = { readonly check: readonly number[]; readonly run: () => unknown }

export const given = (): Given => JSON.parse(process.argv[2]!) as Given

const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`)

export const absent = (why: string): never => {
  say({ absent: why })
  process.exit(0)
}

/** The version of an installed package; null where it is not installed. */
export const installed = (name: string): string | null => {
  try {
    const file = new URL(`./node_modules/${name}/package.json`, import.meta.url)
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
  } catch {
    return null
  }
}

/** The numbers that a weight starts from. */
export const weightValues = ({ shape, scale, base }: Weight, index: number): Float32Array<ArrayBuffer> =>
  pattern(
    10 + index,
    shape.reduce((n, d) => n * d, 1),
    scale,
  ).map((x) => x + base)

/** The line protocol of bench/engine/peer.ts. */
export const serve = async (version: string, build: (order: Given) => Promise<Built>): Promise<void> => {
  const order = given()
  if (order.case === 'version') {
    say({ version })
    process.exit(0)
  }
  const { check, run } = await build(order)
  say({ version, check })
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== 'run') continue
    const start = performance.now()
    await run()
    say({ seconds: (performance.now() - start) / 1000 })
  }
  process.exit(0)
}
