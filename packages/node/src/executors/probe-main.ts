/**
 * Lists or proves executors in a process of its own, which ends with whatever a driver does to it: the question is the
 * argument, the answer the last line.
 */
import { type Executor, runScalarConformance, scalarExecutorOver } from '@lockstep/tensor'
import { z } from 'zod'
import { executorId } from './id.ts'
import { listExecutors } from './machine.ts'
import { openById } from './open-by-id.ts'
import { proveExecutor } from './prove.ts'
import { measureSpeeds } from './speed.ts'

const asked = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('list') }),
    z.strictObject({
      kind: z.literal('prove'),
      id: executorId,
      threads: z.int().min(1).max(256),
      cases: z.int().min(1).max(1_000_000).optional(),
    }),
  ])
  .parse(JSON.parse(process.argv[2] ?? ''))

/** Scalar programs, functions and random ones on operands of their own, against the reference. */
const compareScalars = async (executor: Executor, each: number): Promise<{ cases: number; why?: string }> => {
  const { cases, mismatches } = await runScalarConformance(scalarExecutorOver(executor), {
    seed: 1,
    cases: each,
  })
  const [wrong] = mismatches
  return wrong
    ? { cases, why: `${wrong.program} of ${wrong.args} gives ${wrong.got}, not ${wrong.expected}` }
    : { cases }
}

const answer = async (): Promise<unknown> => {
  if (asked.kind === 'list') return listExecutors()
  const executor = await openById(asked.id, { threads: asked.threads })
  try {
    const conformance = await proveExecutor(executor)
    if (!conformance.conforms) return conformance
    const more = asked.cases === undefined ? undefined : await compareScalars(executor, asked.cases)
    if (more?.why !== undefined) return { ...conformance, conforms: false, why: more.why }
    const cases = conformance.cases + (more?.cases ?? 0)
    const { multiplyAdds, bytes, units } = await measureSpeeds(executor, () => performance.now())
    return { ...conformance, cases, multiplyAdds, bytesPerSecond: bytes, unitsPerSecond: units }
  } finally {
    await executor.close()
  }
}

try {
  console.log(JSON.stringify(await answer()))
} catch (error) {
  const why = (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 1000)
  console.log(JSON.stringify({ why }))
}
// Drivers keep threads.
process.exit(0)
