/**
 * Where the time of a step goes: `npm run profile -- [MODEL] [--json] [--threads N] [--steps N]` prints per kind of
 * node and per kernel time, operations and bytes a second, and the share of this machine's measured ceiling.
 * `lockstep profile MANIFEST` does the same for the model of a manifest.
 */
import { availableParallelism } from 'node:os'
import { type Profiled, profileSteps } from '../apps/cli/src/profile/profile-steps.ts'
import { profileText } from '../apps/cli/src/profile/report.ts'
import { GPT, gptCase, MLP, mlpCase } from '../bench/engine/cases.ts'
import { generationTask, LLAMA_100M } from '../bench/generation-model.ts'
import { scriptArguments } from './arguments.ts'

/** The cache is empty numbers: what they are does not matter to the time. */
const llamaToken = (): Profiled => {
  const task = generationTask(LLAMA_100M, { batch: 1, storage: 'f32', prompt: 64, capacity: 256 })
  return { program: task.decode, inputs: task.inputs, state: task.state }
}

const MODELS = {
  gpt: {
    about: 'a training step of a GPT: 4 layers, d 256, T 128, batch 8, AdamW',
    make: () => gptCase(GPT),
  },
  llama: { about: 'a token of a Llama of 100M parameters, 64 tokens behind it', make: () => llamaToken() },
  mlp: { about: 'a training step of an MLP: 784-512-512-10, batch 128, Adam', make: () => mlpCase(MLP) },
}

const { values, positionals } = scriptArguments({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, threads: { type: 'string' }, steps: { type: 'string' } },
})
const stop = (line: string): never => {
  console.error(line)
  return process.exit(2)
}
const whole = (field: string, text: string | undefined, otherwise: number, most: number): number => {
  if (text === undefined) return otherwise
  if (!/^[1-9]\d{0,3}$/.test(text) || Number(text) > most)
    stop(`${field} is ${text}; allowed: a whole number from 1 to ${most}.`)
  return Number(text)
}
const [name = 'gpt'] = positionals
if (!(name in MODELS)) stop(`${name} is no model to profile; allowed: ${Object.keys(MODELS).join(', ')}.`)
const model = MODELS[name as keyof typeof MODELS]
const threads = whole('--threads', values.threads, availableParallelism(), 64)
const steps = whole('--steps', values.steps, 10, 1000)

const report = await profileSteps(model.make(), steps, () => performance.now(), { threads })
if (values.json) console.log(JSON.stringify({ model: name, ...report }))
else for (const line of [model.about, ...profileText(report)]) console.log(line)
