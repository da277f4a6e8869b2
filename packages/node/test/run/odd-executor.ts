import { setTimeout as sleep } from 'node:timers/promises'
import { createWasmExecutor, type Executor, type Runner, type Tensor } from '@lockstep/tensor'
import type { ExecutorModuleOptions } from '../../src/run/index.ts'

/**
 * An executor with a defect, for runs to meet: `flip` turns over a bit of the state after so many steps of machine
 * number `machine` (0 by default; `all`: of each, another bit), `hold` takes MiB of memory, `objects` takes objects
 * without end, `most` allows a program so many bytes, `fail` throws, `wait` sleeps that many milliseconds a step.
 */
let machines = 0
export const createExecutor = async (options: ExecutorModuleOptions): Promise<Executor> => {
  const { threads, relaxed, flip, machine = 0, hold, objects, fail, wait } = options
  const memory = Number(options.most ?? options.memory)
  const number = machines++
  if (fail) throw new Error(String(fail))
  const held: unknown[] = []
  const executor = await createWasmExecutor({ threads, relaxed, memory })
  const take = async (): Promise<void> => {
    for (let i = 0; i < Number(hold ?? 0); i++) {
      held.push(new Uint8Array(2 ** 20).fill(1))
      await sleep(1)
    }
    while (objects) held.push({ number: held.length })
  }
  const wrap = (runner: Runner): Runner => {
    let steps = 0
    const isFaulty = flip !== undefined && (machine === 'all' || machine === number)
    return {
      ...runnerOf(runner),
      step: async (count = 1) => {
        for (let i = 0; i < count; i++) {
          await take()
          if (wait) await sleep(Number(wait))
          await runner.step()
          if (++steps === flip && isFaulty) flipBit(runner, number)
        }
      },
    }
  }
  return { ...executor, compile: async (program, inputs) => wrap(await executor.compile(program, inputs)) }
}

const runnerOf = (runner: Runner): Runner => ({
  load: (state) => runner.load(state),
  give: (inputs) => runner.give(inputs),
  step: (count) => runner.step(count),
  trace: () => runner.trace(),
  state: () => runner.state(),
  outputs: () => runner.outputs(),
  close: () => runner.close(),
})

const flipBit = (runner: Runner, bit: number): void => {
  const [first, ...others] = runner.state() as [Tensor, ...Tensor[]]
  const data = first.data.slice()
  data[8]! ^= 1 << bit
  runner.load([{ ...first, data }, ...others])
}
