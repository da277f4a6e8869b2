/**
 * The tour of one machine: trains a model on a book, has it verified, lets a liar claim a false history and catches it on
 * a chain. No market: that is street.ts.
 * Every command it runs is one that a person can type, and is printed.
 *   npm run solo -- [--seed N] [--lies none|one|two] [--threads N] [--json]
 * With --json the story goes to stderr, and the last line of stdout is one JSON object.
 */
import { randomInt } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { loadModel, parameterCount, parametersOf } from '@lockstep/models'
import { scriptArguments } from './arguments.ts'
import { lossCurve } from './loss-curve.ts'
import { CLI, createTour, freePort, integerOption, refuse } from './tour.ts'

const root = dirname(import.meta.dirname)
const LIES = { none: 0, one: 1, two: 2 } as const
/** How far the held-out loss must fall for the run to count as learning. */
const LEARNED = 0.7

const { values } = scriptArguments({
  options: {
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    lies: { type: 'string', default: 'one' },
    threads: { type: 'string', default: String(Math.min(availableParallelism(), 64)) },
    json: { type: 'boolean', default: false },
  },
})
const seed = integerOption('seed', values.seed, 0, 2 ** 31 - 1)
const threads = integerOption('threads', values.threads, 1, 64)
const count =
  LIES[values.lies as keyof typeof LIES] ?? refuse(`--lies is ${values.lies}; allowed: none, one, two.`)

const { tell, chapter, show, launch, lockstep, cleanUp } = createTour(values)

type LieFound = {
  readonly kind: string
  readonly place: { readonly step: number; readonly node: number; readonly what: string }
  readonly found: boolean
  readonly bondLost: boolean
}

/** One machine claims a false history. It is verified, disputed, and loses its bond. */
const catchLiar = async (run: string, rpc: string, number: number): Promise<LieFound> => {
  const out = join('runs', `solo-lie-${number}`)
  chapter(`A liar, number ${number}`)
  tell('Another machine claims the same training with a fault in it, and puts a bond on it:')
  const lieSeed = String(seed + number)
  const args = [run, '--out', out, '--rpc', rpc, '--seed', lieSeed, '--threads', String(threads)]
  tell(`\n$ node examples/liar.ts ${args.join(' ')}`)
  const liar = launch('examples/liar.ts', args, { quiet: true })
  const lie = JSON.parse((await liar.said(/^\{"lie":.*$/m))[0]).lie
  tell(`the lie: ${lie.kind}, in step ${lie.step}, node ${lie.node}: ${lie.place}`)
  const { claim } = JSON.parse((await liar.said(/^\{"claim":.*$/m))[0])
  tell(`claimed:  ${claim}`)
  try {
    // Who has run the task needs to execute only the first segment that it disagrees about.
    await lockstep(['verify', out, '--against', run, '--threads', String(threads)], 1)
    await lockstep([
      'dispute',
      run,
      '--claim',
      claim,
      '--theirs',
      out,
      '--rpc',
      rpc,
      '--threads',
      String(threads),
    ])
    const { outcome, credit } = JSON.parse((await liar.said(/^\{"outcome":.*$/m))[0])
    await liar.ended
    const found = outcome === 'challenger'
    tell(`\nThe liar's process says: ${outcome} won, and ${credit} wei of its bond came back.`)
    if (!found || credit !== '0') throw new Error(`the liar was not caught: ${outcome}, credit ${credit}`)
    return {
      kind: lie.kind,
      place: { step: lie.step, node: lie.node, what: lie.place },
      found,
      bondLost: credit === '0',
    }
  } finally {
    await rm(join(root, out), { recursive: true, force: true })
  }
}

const tour = async (): Promise<object> => {
  const begin = performance.now()
  const [manifest, run] = [join('runs', 'solo.yaml'), join('runs', 'solo')]
  for (const path of [manifest, run]) await rm(join(root, path), { recursive: true, force: true })
  tell(
    `Lockstep's tour of one machine. seed ${seed}: npm run solo -- --seed ${seed} --lies ${values.lies} tells the same story again.`,
  )

  chapter('A manifest: what to train, on which text')
  const text = relative('runs', join('data', 'moby-dick.txt'))
  const settings = ['training.steps=600', 'segments.every=40', `training.seed=${seed}`]
  await lockstep(['init', manifest, '--text', text, '--name', 'solo', '--set', ...settings])
  await lockstep(['validate', manifest, '--threads', String(threads)])

  chapter('Training')
  await lockstep(['train', manifest, '--out', run, '--threads', String(threads)])
  const metrics = (await readFile(join(root, run, 'metrics.jsonl'), 'utf8')).trim().split('\n').map(parseLine)
  tell('\ntraining loss, nats per byte')
  tell(lossCurve(metrics.flatMap(({ loss }) => (loss === undefined ? [] : [loss]))))
  const heldOut = metrics.flatMap(({ heldOut }) => (heldOut === undefined ? [] : [heldOut]))
  const [before, after] = [heldOut[0]!, heldOut.at(-1)!]
  if (!(after <= LEARNED * before))
    throw new Error(`the held-out loss went from ${before} to ${after}: not learned`)

  chapter('Verifying: another process executes every segment again')
  await lockstep(['verify', run, '--threads', String(threads)])

  chapter('A file that a third party checks without the run')
  const { root: claimed } = JSON.parse(await readFile(join(root, run, 'claim.json'), 'utf8'))
  await lockstep(['export-proof', run])
  await lockstep([
    'check-proof',
    join(run, 'run.proof'),
    '--root',
    claimed,
    '--model',
    join(run, 'model.safetensors'),
  ])

  chapter('The model writes')
  await lockstep(['sample', run, '--prompt', 'Call me ', '--tokens', '300', '--threads', String(threads)])

  const lies: LieFound[] = []
  if (count > 0) {
    chapter('A chain with the referee on it')
    const port = await freePort()
    show(['chain', '--port', String(port)])
    const chain = launch(CLI, ['chain', '--port', String(port)], { quiet: true })
    tell((await chain.said(/^chain[\s\S]*?^contract.*$/m))[0])
    for (let number = 1; number <= count; number++)
      lies.push(await catchLiar(run, `http://127.0.0.1:${port}`, number))
    chain.child.kill('SIGTERM')
    await chain.ended
  }

  const claim = JSON.parse(await readFile(join(root, run, 'claim.json'), 'utf8'))
  const { model } = loadModel(await readFile(join(root, run, 'model.safetensors')))
  const seconds = Math.round((performance.now() - begin) / 100) / 10
  chapter('Done')
  tell(`All of it happened, in ${seconds} s. The files stay in ${run}:`)
  tell('  model.safetensors   the model; any safetensors reader opens it')
  tell('  checkpoints/        the states that the claim commits to')
  tell('  claim.json          the claim; metrics.jsonl: the losses; manifest.json: what was asked for')
  tell(`Next: npx lockstep sample ${run} --prompt "The whale"`)
  tell('      npx lockstep init my-model.yaml --text MY-TEXT.txt')
  return {
    run: { steps: claim.task.steps, parameters: parameterCount(parametersOf(model)), root: claim.root },
    verify: { segments: claim.checkpoints.length, equal: true },
    lies,
    loss: { before, after, unit: 'nats/byte' },
    seconds,
  }
}

const parseLine = (line: string): { loss?: number; heldOut?: number } => JSON.parse(line)

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => void cleanUp().then(() => process.exit(130)))

try {
  const facts = await tour()
  if (values.json) process.stdout.write(`${JSON.stringify(facts)}\n`)
} catch (error) {
  process.stderr.write(
    `\nThe tour did not get to its end: ${error instanceof Error ? error.message : error}\n`,
  )
  process.exitCode = 1
} finally {
  await cleanUp()
}
