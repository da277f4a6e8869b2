import { createHash } from 'node:crypto'
import { type Digest, leavesOf, rootOf } from '@lockstep/proof'
import type { Executor, Tensor } from '@lockstep/tensor'
import { type ConformanceCase, conformanceCases } from './cases.ts'
import { COMMITTED } from './committed.ts'

/** What a conformance run has come to. */
export type Conformance = {
  readonly conforms: boolean
  readonly cases: number
  /** Over the digests of the cases that were run: equal on every machine that conforms. */
  readonly digest: string
  /** The first case that is not as committed, with both digests; or what the executor failed with in it. */
  readonly why?: string
}

/** Runs the committed cases on an executor, up to the first that differs. */
export const proveExecutor = async (
  executor: Executor,
  committed: { readonly [name: string]: string } = COMMITTED,
): Promise<Conformance> => {
  const all = createHash('sha256')
  let cases = 0
  const ended = (why?: string): Conformance => ({
    ...{ conforms: why === undefined, cases, digest: all.digest('hex') },
    ...(why !== undefined && { why }),
  })
  for (const subject of conformanceCases()) {
    let digest: string
    try {
      digest = await digestOfCase(executor, subject)
    } catch (error) {
      return ended(`${subject.name}: ${error instanceof Error ? error.message : error}`)
    }
    all.update(`${subject.name} ${digest}\n`)
    cases++
    const expected = committed[subject.name]
    if (digest !== expected)
      return ended(`${subject.name} gives ${digest}, not ${expected ?? 'any that is known'}`)
  }
  return ended()
}

/**
 * SHA-256 over every node's output in a step that is traced, then the outputs of two steps from the beginning and the
 * state they lead to. Where the executor hashes its state itself, that is compared, too.
 */
export const digestOfCase = async (
  executor: Executor,
  { program, state, inputs }: Omit<ConformanceCase, 'name'>,
): Promise<string> => {
  const hash = createHash('sha256')
  const add = (tensors: readonly Tensor[]): void => {
    for (const { dtype, shape, data } of tensors) hash.update(`${dtype} [${shape}]\n`).update(data)
  }
  const runner = await executor.compile(program, inputs)
  try {
    runner.load(state)
    add(await runner.trace())
    runner.load(state)
    for (let step = 0; step < 2; step++) {
      await runner.step()
      add(runner.outputs())
    }
    const reached = runner.state()
    add(reached)
    runner.roots?.().forEach((top, i) => {
      if (Buffer.compare(top, topOf(reached[i]!)) !== 0)
        throw new Error(`the state's tensor ${i} is hashed wrong on the device`)
    })
    return hash.digest('hex')
  } finally {
    runner.close()
  }
}

const topOf = (tensor: Tensor): Digest => rootOf(leavesOf(tensor))
