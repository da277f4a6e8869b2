/**
 * Compares every executor of this machine with the reference, byte for byte: each scalar instruction, the elementary
 * functions and random scalar programs on all of them, random whole programs on those that run programs.
 *   npm run conformance [-- --json] [--cases N] [--programs N] [--seed N]
 *   npm run conformance -- --executor NAME [--device N] [--json]
 * The second form runs the committed vectors on one executor and prints a digest a case: scripts/executor-digests.ts.
 * Exits with 1 where any bit differs.
 */
import { createWebGpuExecutor, dawnGpu } from '@lockstep/gpu/webgpu'
import { findNative, nativeUrl } from '@lockstep/native'
import {
  createWasmExecutor,
  type Executor,
  firstDifference,
  type RandomProgram,
  randomContraction,
  randomProgram,
  runScalarConformance,
  type ScalarExecutor,
  scalarExecutorOver,
  type WasmOptions,
} from '@lockstep/tensor'
import { startRefereeExecutor } from '../packages/contracts/test/referee-executor.ts'
import { scriptArguments } from './arguments.ts'

const { values } = scriptArguments({
  options: {
    json: { type: 'boolean', default: false },
    cases: { type: 'string', default: '20000' }, // of each scalar program; the referee runs a tenth
    programs: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    executor: { type: 'string' },
    device: { type: 'string', default: '0' }, // of the executor that is named
  },
})
const count = (name: 'cases' | 'programs' | 'seed'): number => {
  const n = Number(values[name])
  if (Number.isSafeInteger(n) && n >= 1 && n <= 10_000_000) return n
  console.error(`--${name} is ${values[name]}; allowed: an integer from 1 to 10000000.`)
  return process.exit(2)
}
const [cases, programs, seed] = [count('cases'), count('programs'), count('seed')]

if (values.executor !== undefined) {
  const { EXECUTOR_NAMES, executorDigests } = await import('./executor-digests.ts')
  if (!EXECUTOR_NAMES.includes(values.executor)) {
    console.error(`--executor is ${values.executor}; allowed: ${EXECUTOR_NAMES.join(', ')}.`)
    process.exit(2)
  }
  const options = { device: Number(values.device), programs: Math.min(programs, 20), seed, json: values.json }
  process.exit((await executorDigests(values.executor, options)) === 0 ? 0 : 1)
}

const executors: string[] = []
let total = 0
let mismatches = 0
const note = (line: string): void => void process.stderr.write(`${line}\n`)

const compareScalars = async (executor: ScalarExecutor, each: number): Promise<void> => {
  const result = await runScalarConformance(executor, { seed, cases: each })
  total += result.cases
  mismatches += result.mismatched
  note(`${executor.name}: ${result.cases} scalar cases, ${result.mismatched} mismatches`)
  for (const m of result.mismatches) note(`  ${m.program} of ${m.args}: ${m.got}, not ${m.expected}`)
}

const subjects = function* (): Generator<[string, RandomProgram]> {
  for (let i = 0; i < programs; i++) {
    yield [`random program ${seed + i}`, randomProgram(seed + i)]
    if (i % 4 === 0) yield [`random contraction ${seed + i}`, randomContraction(seed + i)]
  }
}

const wasm: [string, WasmOptions][] = [
  ['', {}],
  [', 2 threads', { threads: 2, shareFrom: 0 }],
  [', emulated fma', { relaxed: 'off' }],
]
const found = findNative()
if ('why' in found) note(found.why)
else
  for (const { set } of found.native.products) {
    const accelerator = { url: nativeUrl(set) }
    wasm.push([` + native ${set}`, { accelerator }])
    wasm.push([` + native ${set}, 2 threads`, { accelerator, threads: 2, shareFrom: 0 }])
  }

const comparePrograms = async (executor: Executor): Promise<void> => {
  executors.push(executor.name)
  await compareScalars(scalarExecutorOver(executor), cases)
  let compared = 0
  let wrong = 0
  for (const [name, subject] of subjects()) {
    compared++
    const difference = await firstDifference(executor, subject)
    if (!difference) continue
    wrong++
    note(`  ${name}: ${difference}`)
  }
  note(`${executor.name}: ${compared} whole programs, ${wrong} mismatches`)
  total += compared
  mismatches += wrong
  await executor.close()
}

for (const [what, options] of wasm)
  await comparePrograms({ ...(await createWasmExecutor(options)), name: `wasm${what}` })

const gpu = await dawnGpu()
if (gpu && (await gpu.requestAdapter())) await comparePrograms(await createWebGpuExecutor({ gpu }))
else note(`webgpu: ${gpu ? 'Dawn finds no adapter' : 'the package webgpu (Dawn) is not installed'}`)

const referee = await startRefereeExecutor()
try {
  executors.push(referee.name)
  await compareScalars(referee, Math.ceil(cases / 10))
} finally {
  await referee.stop()
}

if (values.json) console.log(JSON.stringify({ executors, cases: total, mismatches }))
else console.log(`${executors.length} executors, ${total} cases, ${mismatches} mismatches`)
process.exitCode = mismatches === 0 ? 0 : 1
