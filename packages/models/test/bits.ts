import { createHash } from 'node:crypto'
import { findNative, nativeUrl } from '@lockstep/native'
import {
  createWasmExecutor,
  randomContraction,
  randomProgram,
  referenceExecutor,
  runScalarConformance,
  scalarExecutorOver,
  type Tensor,
  type WasmExecutor,
  type WasmOptions,
} from '@lockstep/tensor'
import { type Run, record, trainingRuns } from './runs.ts'

/**
 * Every way in which this machine computes a program: WebAssembly with relaxed SIMD and without, the addon on each
 * instruction set, on 1, 2 and 4 threads, with fusion and without. Threads share even the least work.
 */
export const everyWay = (): readonly (readonly [name: string, options: WasmOptions])[] => {
  const found = findNative()
  const engines: (readonly [string, WasmOptions])[] = [
    ['wasm', {}],
    ['wasm, emulated fma', { relaxed: 'off' }],
    ...('native' in found ? found.native.products : []).map(
      ({ set }) => [`addon ${set}`, { accelerator: { url: nativeUrl(set) } }] as const,
    ),
  ]
  return engines.flatMap(([name, options]) =>
    [1, 2, 4].flatMap((threads) =>
      [true, false].map(
        (fuses) =>
          [
            `${name}, ${threads} threads${fuses ? '' : ', unfused'}`,
            { ...options, threads, shareFrom: 0, fuse: { inline: fuses, group: fuses } },
          ] as const,
      ),
    ),
  )
}

export type BitsOptions = {
  /** Cases of each scalar program of the conformance suite, for each way. */
  readonly cases: number
  /** How many random programs; a quarter as many random products beside them. */
  readonly programs: number
  /** Training steps of each architecture; 0 leaves training out. */
  readonly steps: number
  readonly seed: number
  readonly say: (line: string) => void
}
/** How much was compared with the reference, in all ways together, and how much of it differed. */
export type Compared = { cases: number; mismatches: number }
export type Bits = {
  readonly ways: number
  readonly scalars: Readonly<Compared>
  readonly programs: Readonly<Compared>
  readonly trainings: Readonly<Compared>
}

/** Steps of a random program, enough for what it keeps to be read again. */
const FEW = 3

/** Compares every way with the reference, byte by byte: outputs of every step, and the state at the end. */
export const compareBits = async ({ cases, programs, steps, seed, say }: BitsOptions): Promise<Bits> => {
  const wanted = new Map<string, string[]>()
  const trainings = steps > 0 ? trainingRuns(steps) : []
  const none = (): Compared => ({ cases: 0, mismatches: 0 })
  const [scalars, whole, trained] = [none(), none(), none()]

  const compare = async (executor: WasmExecutor, run: Run, steps: number, sum: Compared): Promise<void> => {
    sum.cases++
    const known = wanted.get(run.name)
    const expected = known ?? digests(await record(referenceExecutor, run, steps))
    if (!known) wanted.set(run.name, expected)
    const got = digests(await record(executor, run, steps))
    const at = expected.findIndex((digest, i) => got[i] !== digest)
    if (at < 0 && got.length === expected.length) return
    sum.mismatches++
    say(`${executor.name}: ${run.name} differs in tensor ${at} of ${expected.length}`)
  }

  const ways = everyWay()
  for (const [name, options] of ways) {
    const executor = { ...(await createWasmExecutor(options)), name }
    try {
      const found = await runScalarConformance(scalarExecutorOver(executor), { seed, cases })
      scalars.cases += found.cases
      scalars.mismatches += found.mismatched
      for (const { program, args } of found.mismatches) say(`${name}: ${program} of ${args} differs`)
      for (const run of randomRuns(programs, seed))
        await compare(executor, run, run.program.state.length > 0 ? FEW : 1, whole)
      for (const run of trainings) await compare(executor, run, steps, trained)
    } finally {
      await executor.close()
    }
    say(`${name}: ${scalars.mismatches + whole.mismatches + trained.mismatches} mismatches so far`)
  }
  return { ways: ways.length, scalars, programs: whole, trainings: trained }
}

const randomRuns = function* (count: number, seed: number): Generator<Run> {
  for (let i = seed; i < seed + count; i++) {
    yield { name: `random program ${i}`, ...randomProgram(i) }
    if (i % 4 === 0) yield { name: `random product ${i}`, ...randomContraction(i) }
  }
}

const digests = (tensors: readonly Tensor[]): string[] =>
  tensors.map(({ dtype, shape, data }) =>
    createHash('sha256').update(`${dtype} ${shape};`).update(data).digest('base64'),
  )
