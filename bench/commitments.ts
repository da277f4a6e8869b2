import { createHash } from 'node:crypto'
import {
  DEFAULT_GPT,
  DEFAULT_TRAIN,
  initialState,
  parameterCount,
  parametersOf,
  trainProgram,
} from '@lockstep/models'
import { openRooting } from '@lockstep/node/rooting'
import { createRooting, type Rooting } from '@lockstep/proof'
import { batchHash, createWasmExecutor, type Tensor, tensorBytes } from '@lockstep/tensor'
import { alternate, type Bench, figure, median, type Row, workRow } from './row.ts'

/** A transformer of a million parameters: 12 MB of state with Adam's two moments. */
const MODEL = { kind: 'gpt', config: { ...DEFAULT_GPT, layers: 5, context: 128 } } as const
/** Steps from one checkpoint to the next. */
const STEPS = 10
const ALLOWED = 0.02

const training = async (threads: number) => {
  const data = new Uint8Array(20_000).map((_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24)
  const tokens: Tensor = { dtype: 'u8', shape: [data.length], data }
  const program = trainProgram(MODEL, DEFAULT_TRAIN, { tokens: data.length, dtype: 'u8' })
  const executor = await createWasmExecutor({ threads })
  const runner = await executor.compile(program, [tokens])
  runner.load(initialState(MODEL, 1))
  const close = async (): Promise<void> => {
    runner.close()
    await executor.close()
  }
  return { program, runner, close }
}

/**
 * What rooting a state every ten steps costs a training run on two threads: seconds of the same steps with and without
 * it, in turns. A round with roots begins with a checkpoint, whose roots it takes in while its steps run.
 */
const trainingRows = async (rounds: number): Promise<Row[]> => {
  const { program, runner, close } = await training(2)
  const beside = openRooting(program)
  const between = createRooting(program)
  const bytes = program.state.reduce((sum, type) => sum + tensorBytes(type), 0)
  const steps = (rooting?: Rooting) => async (): Promise<void> => {
    const taken = await rooting?.take(runner)
    await runner.step(STEPS)
    await taken?.roots
  }
  const ways = [steps(), steps(beside), steps(between)]
  try {
    await alternate(2, ways) // kernels and hashes are compiled in full only after a while
    const [bare, rooted, inTurn] = await alternate(rounds, ways)
    const what = `GPT of ${(parameterCount(parametersOf(MODEL)) / 1e6).toFixed(2)}M parameters, ${(bytes / 1e6).toFixed(1)} MB`
    const share = (times: readonly number[]): number => median(times.map((t, i) => t / bare![i]! - 1))
    const row = (how: string, times: readonly number[], target: number | null): Row => ({
      ...figure(`${what} rooted every ${STEPS} steps, ${how}`, 100 * share(times), '% of training time'),
      ...(target === null
        ? {}
        : { against: 'allowed', theirs: 100 * target, ratio: target / share(times), target: 1 }),
      met: target === null ? null : share(times) < target,
    })
    return [
      figure(`a step of it on 2 threads`, (1000 * median(bare!)) / STEPS, 'ms'),
      row('in a thread of its own', rooted!, ALLOWED),
      row('between the steps', inTurn!, null),
    ]
  } finally {
    await beside.close()
    await close()
  }
}

/** The hash alone, on one thread. */
const hashRows = async (rounds: number): Promise<Row[]> => {
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
    () => batchHash().leaves(data, digests),
    () => batchHash().root(data, root),
    oneByOne,
    () => void createHash('sha256').update(data).digest(),
  ]
  await alternate(3, ways)
  const [leaves, roots, single, whole] = await alternate(rounds, ways)
  const megabytes = data.length / 1e6
  const scaled = single!.map((t) => (t * data.length) / few.length)
  const [alone, big] = ['node:crypto, leaf by leaf', 'node:crypto, one message of all bytes']
  const name = batchHash().name
  return [
    workRow(`digests of leaves of 256 bytes, ${name}`, megabytes, 'MB/s', leaves!, alone, scaled, null),
    workRow(`root of 12 MiB, ${name}`, megabytes, 'MB/s', roots!, alone, scaled, null),
    workRow(`root of 12 MiB, ${name}`, megabytes, 'MB/s', roots!, big, whole!, null),
  ]
}
const ZERO = Buffer.of(0)

/** The rows of this bench, for others that print them among theirs. */
export const commitmentRows = async (quick: boolean): Promise<Row[]> => [
  ...(await hashRows(quick ? 7 : 15)),
  ...(await trainingRows(quick ? 7 : 11)),
]

export const bench: Bench = ({ quick }) => commitmentRows(quick)
