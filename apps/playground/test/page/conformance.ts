import {
  createWasmExecutor,
  runScalarConformance,
  scalarExecutorOver,
  scalarVectors,
  VECTOR_OPCODES,
  type WasmOptions,
} from '@lockstep/tensor'
import { type ProgramVector, wrongVectors } from '../../../../packages/models/test/program-vectors.ts'

/** A worker that holds this browser to the committed vectors and tells what differs. */
export type Asked = Pick<WasmOptions, 'threads' | 'relaxed' | 'shareFrom'>
export type Found = {
  readonly executor: string
  readonly fused: boolean
  readonly scalars: number
  readonly programs: number
  readonly wrong: readonly string[]
}

const scope = globalThis as unknown as {
  onmessage: ((event: { readonly data: Asked }) => Promise<void>) | null
  postMessage(message: Found | { readonly failed: string }): void
  close(): void
}
const load = async (name: string): Promise<Response> => {
  const answer = await fetch(name)
  if (!answer.ok) throw new Error(`${name}: status ${answer.status}`)
  return answer
}
const CASES = 100

const compare = async (asked: Asked): Promise<Found> => {
  const wrong: string[] = []
  for (const op of VECTOR_OPCODES) {
    const committed = new Uint8Array(await (await load(`${op}.bin`)).arrayBuffer())
    const ours = scalarVectors(op)
    if (ours.length !== committed.length || ours.some((byte, i) => byte !== committed[i])) wrong.push(op)
  }
  const executor = await createWasmExecutor(asked)
  const scalars = await runScalarConformance(scalarExecutorOver(executor), { seed: 1, cases: CASES })
  wrong.push(...scalars.mismatches.map(({ program, args }) => `${program} of ${args}`))
  const programs = (await (await load('programs.json')).json()) as ProgramVector[]
  wrong.push(...(await wrongVectors(executor, programs)))
  await executor.close()
  const { name, fused } = executor
  return { executor: name, fused, scalars: scalars.cases, programs: programs.length, wrong }
}

scope.onmessage = async ({ data }) => {
  scope.postMessage(await compare(data).catch((error: unknown) => ({ failed: String(error) })))
  scope.close()
}
