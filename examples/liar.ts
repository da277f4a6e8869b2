// A machine that lies. It takes an honest run, goes on from one of its checkpoints with a fault of a random kind in a
// random place of a random step, claims the history that results, and defends it on the chain as well as it can.
//   node examples/liar.ts RUN --out DIRECTORY --rpc URL [--seed N] [--kind KIND] [--threads N]
// Lines of JSON on stdout say what it does: {"lie": ...}, {"claim": ...}, {"outcome": ...}.
import { cp, rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import {
  awaitChallenge,
  layoutOf,
  openChain,
  openRun,
  playFromTrace,
  postClaim,
  type Run,
  readClaim,
  storedState,
  trainRun,
} from '@lockstep/cli'
import { rootOf, sameBytes, type Task, tensorsTree } from '@lockstep/proof'
import { createWasmExecutor, type Executor } from '@lockstep/tensor'
import { faultyExecutor } from './faulty-executor.ts'
import { drawLie, LIES, type Lie, type LieKind } from './lies.ts'
import { seeded } from './seeded.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string' },
    rpc: { type: 'string' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    kind: { type: 'string' },
  },
})
const [directory] = positionals
const { out, rpc, seed, threads, kind } = values
if (!directory || !out || !rpc) throw new Error('liar.ts RUN --out DIRECTORY --rpc URL [--seed N]')
if (kind !== undefined && !(kind in LIES))
  throw new Error(`--kind is ${kind}; allowed: ${Object.keys(LIES).join(', ')}`)
const only = kind as LieKind | undefined
const say = (fact: object): void => void process.stdout.write(`${JSON.stringify(fact)}\n`)

/** Whether one step with the lie ends in another state than one without: not every flipped bit reaches it. */
const changesState = async (lie: Lie, task: Task, executor: Executor, run: Run): Promise<boolean> => {
  const segment = Math.floor(lie.step / task.segmentLength)
  const start = segment === 0 ? task.initial : await storedState(run, segment - 1)
  const runner = await executor.compile(task.committed.program, task.inputs)
  const liar = await executor.compile(lie.program, task.inputs)
  try {
    runner.load(start!)
    await runner.step(lie.step - segment * task.segmentLength)
    liar.load(runner.state())
    await runner.step()
    await liar.step()
    return !sameBytes(rootOf(tensorsTree(runner.state())), rootOf(tensorsTree(liar.state())))
  } finally {
    runner.close()
    liar.close()
  }
}

const honest = await createWasmExecutor({ threads: Number(threads) })
try {
  const run = await openRun(directory)
  const { task } = run.training
  const { program } = task.committed
  const draw = seeded(Number(seed))
  let lie = drawLie(program, task.steps, draw, only)
  while (!(await changesState(lie, task, honest, run))) lie = drawLie(program, task.steps, draw, only)
  say({ lie: { kind: lie.kind, step: lie.step, node: lie.node, place: lie.place } })

  // A copy of the honest run up to the checkpoint before the lie; what the task's commitments say stays true.
  const layout = layoutOf(out)
  await rm(out, { recursive: true, force: true })
  await cp(directory, out, { recursive: true })
  for (let step = task.segmentLength; ; step += task.segmentLength) {
    if (step > lie.step) await rm(layout.checkpoint(Math.min(step, task.steps)))
    if (step >= task.steps) break
  }
  for (const file of [layout.claim, layout.model, layout.posted]) await rm(file, { force: true })
  const told: Task = { ...task, committed: { ...task.committed, program: lie.program } }
  const executor = faultyExecutor(honest, program, lie.program, lie.step)
  const lying: Run = { ...run, layout, training: { ...run.training, task: told } }
  const { claim } = await trainRun(lying, executor)

  const chain = await openChain('claimant', { rpc })
  const { root } = await readClaim(layout.claim)
  const posted = await postClaim(chain, lying, root, 3600)
  say({ claim: posted.claim, root, run: out })
  const dispute = await awaitChallenge(chain, posted.claim, 300)
  const state = (checkpoint: number) => storedState(lying, checkpoint)
  const { outcome } = await playFromTrace({
    chain,
    dispute,
    side: 'claimant',
    task: told,
    executor,
    claim,
    state,
  })
  say({ outcome, credit: String(await chain.credit(chain.connection.account.address)) })
} finally {
  await honest.close()
}
