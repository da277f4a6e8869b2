/**
 * Runs the committed vectors on one executor and prints a digest for each, so that a run on any machine anywhere shows
 * that it computes the same: every scalar instruction, whole programs, ten training steps of each architecture; then
 * random programs against the reference.
 *   node scripts/executor-digests.ts NAME [--device N] [--programs N] [--seed N] [--json]
 * `npm run conformance -- --executor NAME` is the same. Exits with 1 where any digest differs; where the machine has not
 * what the executor needs it says so in one line and exits with 0.
 */
import { readFileSync } from 'node:fs'
import { createCudaExecutor, cudaDevices } from '@lockstep/gpu/cuda'
import {
  createWasmExecutor,
  type Executor,
  firstDifference,
  INSTRUCTIONS,
  type Register,
  randomContraction,
  randomNetwork,
  randomProgram,
  referenceExecutor,
  type ScalarProgram,
  scalarExecutorOver,
  scalarVectors,
  sha256,
  VECTOR_OPCODES,
} from '@lockstep/tensor'
import { type ProgramVector, vectorDigests } from '../packages/models/test/program-vectors.ts'

export type DigestOptions = {
  readonly device?: number
  readonly programs: number
  readonly seed: number
  readonly json: boolean
}

const EXECUTORS: Record<string, (device: number) => Promise<Executor | { readonly why: string }>> = {
  reference: async () => referenceExecutor,
  wasm: async () => createWasmExecutor(),
  cuda: async (device) => {
    const found = cudaDevices()
    return 'why' in found ? found : createCudaExecutor({ device })
  },
}
export const EXECUTOR_NAMES: readonly string[] = Object.keys(EXECUTORS)

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Prints a line a case, or one object of all with `json`; gives how many cases differ. */
export const executorDigests = async (name: string, options: DigestOptions): Promise<number> => {
  const { device = 0, programs, seed, json } = options
  const made = await EXECUTORS[name]!(device)
  if ('why' in made) {
    console.log(json ? JSON.stringify({ executor: name, skipped: made.why }) : `skipped: ${made.why}`)
    return 0
  }
  const cases: { readonly name: string; readonly digest: string; readonly same: boolean }[] = []
  const note = (what: string, digest: string, same: boolean): void => {
    cases.push({ name: what, digest, same })
    if (!json) console.log(`${same ? 'same ' : 'OTHER'} ${digest} ${what}`)
  }
  try {
    const scalars = scalarExecutorOver(made)
    for (const op of VECTOR_OPCODES) {
      if (op === 'const_f' || op === 'const_u') continue
      const expected = Buffer.from(scalarVectors(op))
      const args = [...INSTRUCTIONS[op].takes].map((r): Register => (r === 'x' ? 'u' : (r as Register)))
      const program: ScalarProgram = {
        args,
        code: [{ op, args: args.map((_, i) => i) }],
        result: args.length,
      }
      const count = expected.length / 16
      const batch = new Uint32Array(count * args.length)
      for (let i = 0; i < batch.length; i++)
        batch[i] = expected.readUInt32BE(16 * Math.floor(i / args.length) + 4 * (i % args.length))
      const got = Buffer.from(expected)
      const results = await scalars.run(program, batch, count)
      results.forEach((word, i) => got.writeUInt32BE(word, 16 * i + 12))
      note(`instruction ${op}`, hex(sha256(got)), got.equals(expected))
    }
    const committed = JSON.parse(
      readFileSync(new URL('../vectors/programs.json', import.meta.url), 'utf8'),
    ) as ProgramVector[]
    for await (const { vector, digest } of vectorDigests(made, committed))
      note(vector.name, digest ?? 'none', digest === vector.digest)
    for (const [what, make] of [
      ['program', randomProgram],
      ['contraction', randomContraction],
      ['network', randomNetwork],
    ] as const) {
      let first: string | undefined
      for (let i = 0; i < programs; i++) {
        const difference = await firstDifference(made, make(seed + i))
        if (difference) first ??= `seed ${seed + i}: ${difference}`
      }
      if (programs > 0)
        note(
          `${programs} of random ${what} from seed ${seed}${first ? `, ${first}` : ''}`,
          'reference',
          !first,
        )
    }
  } finally {
    await made.close()
  }
  const different = cases.filter((c) => !c.same).length
  if (json) console.log(JSON.stringify({ executor: made.name, different, cases }))
  else console.log(`${made.name}: ${cases.length} cases, ${different} differ`)
  return different
}

if (import.meta.main) {
  const { scriptArguments } = await import('./arguments.ts')
  const { values, positionals } = scriptArguments({
    allowPositionals: true,
    options: {
      device: { type: 'string', default: '0' },
      programs: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  })
  const name = positionals[0] ?? ''
  if (!EXECUTOR_NAMES.includes(name)) {
    console.error(`the executor is ${name || 'not named'}; allowed: ${EXECUTOR_NAMES.join(', ')}.`)
    process.exit(2)
  }
  const { device, programs, seed, json } = values
  const different = await executorDigests(name, {
    device: Number(device),
    programs: Number(programs),
    seed: Number(seed),
    json,
  })
  process.exitCode = different === 0 ? 0 : 1
}
