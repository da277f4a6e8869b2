import { type Arithmetic, createWebGpuExecutor, type Proof } from '@lockstep/gpu/webgpu'
import { firstDifference, runScalarConformance, scalarExecutorOver, VECTOR_OPCODES } from '@lockstep/tensor'
import { type ProgramVector, wrongVectors } from '../../../../packages/models/test/program-vectors.ts'
import { vectorProgram } from './scalar-vectors.ts'
import { scatterProgram } from './scatter-programs.ts'

/** What a test asks of this browser's GPU. */
export type GpuHarness = {
  /** A line that says what there is, or undefined where there is no adapter. */
  adapter(): Promise<string | undefined>
  /** What the device proves, or why it is refused. */
  prove(arithmetic?: Arithmetic): Promise<Proof | { readonly refusal: string }>
  /** The committed vectors of every instruction; gives those that came out wrong. */
  scalars(arithmetic?: Arithmetic): Promise<readonly string[]>
  /** Functions and random scalar programs against the reference. */
  functions(cases: number, arithmetic?: Arithmetic): Promise<{ cases: number; wrong: readonly string[] }>
  /** So many random scatters against the reference; gives what differs. */
  scatters(count: number, arithmetic?: Arithmetic): Promise<readonly string[]>
  /** The committed programs whose names begin so. */
  programs(prefix: string, arithmetic?: Arithmetic): Promise<{ ran: number; wrong: readonly string[] }>
}

const bytesOf = async (name: string): Promise<Uint8Array<ArrayBuffer>> => {
  const answer = await fetch(name)
  if (!answer.ok) throw new Error(`${name}: status ${answer.status}`)
  return new Uint8Array(await answer.arrayBuffer())
}
const executorOf = (arithmetic?: Arithmetic) => createWebGpuExecutor(arithmetic ? { arithmetic } : {})

const harness: GpuHarness = {
  adapter: async () => {
    const adapter = await navigator.gpu?.requestAdapter()
    return adapter ? `${adapter.info.vendor} ${adapter.info.architecture}` : undefined
  },
  prove: async (arithmetic) => {
    try {
      const executor = await executorOf(arithmetic)
      await executor.close()
      return executor.proof
    } catch (error) {
      return { refusal: String(error) }
    }
  },
  scalars: async (arithmetic) => {
    const executor = await executorOf(arithmetic)
    const wrong: string[] = []
    await Promise.all(
      VECTOR_OPCODES.map(async (op) => {
        for (const subject of vectorProgram(op, await bytesOf(`${op}.bin`))) {
          const runner = await executor.compile(subject.program, subject.inputs)
          runner.load([])
          await runner.step()
          const got = new Uint32Array(runner.outputs()[0]!.data.slice().buffer)
          const at = subject.expected.findIndex((word, i) => got[i] !== word)
          if (at >= 0)
            wrong.push(
              `${op} case ${at}: ${got[at]!.toString(16)}, not ${subject.expected[at]!.toString(16)}`,
            )
          runner.close()
        }
      }),
    )
    await executor.close()
    return wrong
  },
  functions: async (cases, arithmetic) => {
    const executor = await executorOf(arithmetic)
    const found = await runScalarConformance(scalarExecutorOver(executor), { seed: 1, cases })
    await executor.close()
    return { cases: found.cases, wrong: found.mismatches.map(({ program, args }) => `${program} of ${args}`) }
  },
  scatters: async (count, arithmetic) => {
    const executor = await executorOf(arithmetic)
    const wrong: string[] = []
    for (let seed = 1; seed <= count; seed++) {
      const difference = await firstDifference(executor, scatterProgram(seed))
      if (difference !== undefined) wrong.push(`scatter ${seed}: ${difference}`)
    }
    await executor.close()
    return wrong
  },
  programs: async (prefix, arithmetic) => {
    const all = JSON.parse(new TextDecoder().decode(await bytesOf('programs.json'))) as ProgramVector[]
    const asked = all.filter(({ name }) => name.startsWith(prefix))
    const executor = await executorOf(arithmetic)
    const wrong = await wrongVectors(executor, asked)
    await executor.close()
    return { ran: asked.length, wrong }
  },
}
Object.assign(globalThis, { gpuHarness: harness })
