/**
 * A complete verified job whose provider computes on a device: a chain, a relay, a provider on the device and a verifier
 * on the processor, all on this machine. A language model is trained; the claim must be what WebAssembly computes of the
 * same task, the verifier must agree, and both must be paid.
 *   node scripts/gpu-job.ts [--executor cuda:0] [--width N] [--steps N] [--seconds N] [--json]
 * Where the device is not there it says so in one line and exits with 0; with 1 where anything came out otherwise.
 */
import { availableParallelism } from 'node:os'
import { executorProbe, isExecutorChoice } from '@lockstep/node'
import { scriptArguments } from './arguments.ts'

const { values } = scriptArguments({
  options: {
    executor: { type: 'string', default: 'cuda:0' },
    width: { type: 'string', default: '256' },
    steps: { type: 'string', default: '40' },
    seconds: { type: 'string', default: '240' },
    json: { type: 'boolean', default: false },
  },
})
const count = (name: 'width' | 'steps' | 'seconds', least: number, most: number): number => {
  const n = Number(values[name])
  if (Number.isSafeInteger(n) && n >= least && n <= most) return n
  console.error(`--${name} is ${values[name]}; allowed: an integer from ${least} to ${most}.`)
  return process.exit(2)
}
const [width, steps, seconds] = [
  count('width', 8, 4096),
  count('steps', 2, 100_000),
  count('seconds', 30, 3600),
]
const { executor } = values
if (!isExecutorChoice(executor) || width % 8 !== 0) {
  console.error(
    `--executor is ${executor}, --width ${width}; allowed: a device such as cuda:0, and a multiple of 8.`,
  )
  process.exit(2)
}
const say = (result: object): void => {
  if (values.json) console.log(JSON.stringify(result, (_, v) => (typeof v === 'bigint' ? String(v) : v)))
  else for (const [name, value] of Object.entries(result)) console.log(`${name.padEnd(10)} ${value}`)
}

const { found, missing } = await executorProbe.list()
const device = found.find(({ id }) => id === executor)
if (!device) {
  const why = missing.find(({ kind }) => executor.startsWith(kind))?.why ?? `this machine has no ${executor}`
  say({ executor, skipped: why })
  process.exit(0)
}
const { languageJob, verifiedJob } = await import('../packages/node/test/executors/verified-job.ts')
const model = {
  layers: width < 64 ? 1 : 4,
  width,
  heads: width / 8 < 8 ? 1 : 8,
  context: width < 64 ? 8 : 128,
}
const training = { batch: width < 64 ? 1 : 8, steps, warmup: 1 }
const cores = Math.max(1, availableParallelism() - 2)
const job = await verifiedJob({
  plan: languageJob(model, training, Math.max(1, Math.floor(steps / 4)), seconds),
  provider: { computes: executor, caps: { memory: '16 GiB' } },
  verifier: { computes: 'wasm', caps: { cores, memory: '8 GiB' } },
  signal: AbortSignal.timeout(seconds * 1000),
})
const { log, ...rest } = job
// The processor, which shows that all else works, is not spoken of.
const isOnDevice =
  !executor.includes(':') || (log.includes(`computes on ${executor}`) && !/failed|never used/.test(log))
const isGood =
  isOnDevice &&
  job.claimed === job.computed &&
  job.slices.every((status) => status === 'settled') &&
  job.provided > 0n &&
  job.audited > 0n &&
  job.slashed === 0n
say({ executor, device: device.name, isGood, isOnDevice, ...rest, ...(!isGood && { log }) })
process.exit(isGood ? 0 : 1)
