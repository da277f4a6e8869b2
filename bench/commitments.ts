import { createHash } from 'node:crypto'
import {
  DEFAULT_GPT,
  DEFAULT_TRAIN,
  initialState,
  parameterCount,
  parametersOf,
  trainProgram,
} from '@lockstep/models'
import { createFastestExecutor, loadNative, nativeHash } from '@lockstep/native'
import { openRooting } from '@lockstep/node/rooting'
import { type BatchHash, createWasmExecutor, lanesHash, type Tensor, tensorBytes } from '@lockstep/tensor'
import { alternate, type Bench, figure, median, type Row, workRow } from './row.ts'

/** A transformer of a million parameters: 12 MB of state with Adam's two moments. */
const MODEL = { kind: 'gpt', config: { ...DEFAULT_GPT, layers: 5, context: 128 } } as const
/** Steps from one checkpoint to the next. */
const STEPS = 10
const ALLOWED = 0.02

/** A training run on both cores, of WebAssembly alone or with the addon where it is built. */
const training = async (native: boolean) => {
  const data = new Uint8Array(20_000).map((_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24)
  const tokens: Tensor = { dtype: 'u8', shape: [data.length], data }
  const program = trainProgram(MODEL, DEFAULT_TRAIN, { tokens: data.length, dtype: 'u8' })
  const executor = await (native ? createFastestExecutor : createWasmExecutor)({ threads: 2 })
  const runner = await executor.compile(program, [tokens])
  runner.load(initialState(MODEL, 1))
  const rooting = openRooting(program, { native })
  const close = async (): Promise<void> => {
    await rooting.close()
    runner.close()
    await executor.close()
  }
  return { name: executor.name, program, runner, rooting, close }
}

/**
 * What rooting a state every ten steps costs a training run on two threads: seconds of the same steps with and without
 * it, in turns. A round with roots begins with a checkpoint, whose roots it takes in while its steps run.
 */
const trainingRows = async (rounds: number, native: boolean): Promise<Row[]> => {
  const { name, program, runner, rooting, close } = await training(native)
  const bytes = program.state.reduce((sum, type) => sum + tensorBytes(type), 0)
  const bareSteps = (): Promise<void> => runner.step(STEPS)
  const rootedSteps = async (): Promise<void> => {
    const { roots } = await rooting.take(runner)
    await runner.step(STEPS)
    await roots
  }
  try {
    await alternate(2, [bareSteps, rootedSteps]) // kernels and hashes are compiled in full only after a while
    const rootedSeconds: number[] = []
    const bareSeconds: number[] = []
    const [bare, rooted] = await alternate(rounds, [
      counted(bareSteps, bareSeconds),
      counted(rootedSteps, rootedSeconds),
    ])
    const share = medianShare(rooted!, bare!)
    const model = `GPT of ${(parameterCount(parametersOf(MODEL)) / 1e6).toFixed(2)}M parameters`
    const what = `${(bytes / 1e6).toFixed(1)} MB of state rooted every ${STEPS} steps, ${name}`
    return [
      figure(`${model}, ${name}: a step`, (1000 * median(bare!)) / STEPS, 'ms'),
      {
        what,
        ours: 100 * share,
        unit: '% of training time',
        against: 'allowed',
        theirs: 100 * ALLOWED,
        ratio: ALLOWED / Math.max(share, 1e-4),
        target: 1,
        met: share < ALLOWED,
      },
      // What others do on the machine disturbs this one less.
      figure(what, 100 * medianShare(rootedSeconds, bareSeconds), '% of processor time'),
    ]
  } finally {
    await close()
  }
}

/** By how much the first takes longer than the second, in the middle round. */
const medianShare = (more: readonly number[], less: readonly number[]): number =>
  median(more.map((t, i) => t / less[i]! - 1))

/** Work that notes the processor seconds of all threads of the process. */
const counted =
  (work: () => Promise<void>, seconds: number[]): (() => Promise<void>) =>
  async () => {
    const before = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(before)
    seconds.push((user + system) / 1e6)
  }

/** The hash alone, on one thread. */
const hashRows = async (rounds: number, hash: BatchHash): Promise<Row[]> => {
  const data = new Uint8Array(12 * 2 ** 20).map((_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24)
  const few = data.subarray(0, 2 ** 20)
  const [root, digests] = [new Uint8Array(32), new Uint8Array(data.length / 8)]
  const oneByOne = (): void => {
    for (let at = 0; at < few.length; at += 256) {
      const leaf = few.subarray(at, at + 256)
      createHash('sha256').update(ZERO).update(leaf).digest()
    }
  }
  const ways = [
    () => hash.leaves(data, digests),
    () => hash.root(data, root),
    oneByOne,
    () => void createHash('sha256').update(data).digest(),
  ]
  await alternate(3, ways)
  const [leaves, roots, single, whole] = await alternate(rounds, ways)
  const megabytes = data.length / 1e6
  const scaled = single!.map((t) => (t * data.length) / few.length)
  const [alone, big] = ['node:crypto, leaf by leaf', 'node:crypto, one message of all bytes']
  return [
    workRow(`digests of leaves of 256 bytes, ${hash.name}`, megabytes, 'MB/s', leaves!, alone, scaled, null),
    workRow(`root of 12 MiB, ${hash.name}`, megabytes, 'MB/s', roots!, alone, scaled, null),
    workRow(`root of 12 MiB, ${hash.name}`, megabytes, 'MB/s', roots!, big, whole!, null),
  ]
}
const ZERO = Buffer.of(0)

/** The rows of this bench, for others that print them among theirs. */
export const commitmentRows = async (quick: boolean): Promise<Row[]> => {
  const rounds = quick ? 7 : 11
  const native = loadNative()
  const [fastest] = native?.hashes ?? []
  const lanes = lanesHash()
  return [
    ...(lanes ? await hashRows(rounds, lanes) : []),
    ...(native && fastest ? await hashRows(rounds, nativeHash(native, fastest)) : []),
    ...(await trainingRows(rounds, false)),
    ...(native ? await trainingRows(rounds, true) : []),
  ]
}

export const bench: Bench = ({ quick }) => commitmentRows(quick)
