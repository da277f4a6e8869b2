import type { Row } from '../row.ts'
import { type Case, GPT, gptCase, MLP, mlpCase } from './cases.ts'
import type { Context, Section } from './section.ts'

/** Bytes that a training step's tensors take at most, against the planner's lower bound: what must live at once. */
export const section: Section = async (context) => [
  await memoryRow(context, 'MLP step', mlpCase(MLP)),
  await memoryRow(context, 'GPT step', gptCase(GPT)),
]

const LIMIT = 1.15

const memoryRow = async (context: Context, what: string, { program, inputs }: Case): Promise<Row> => {
  const executor = await context.executor()
  const runner = await executor.compile(program, inputs)
  const { peak, lowerBound, scratch } = runner.memory()
  runner.close()
  context.tell(`memory, ${what}: scratch of a thread beside it`, `${(scratch / 2 ** 20).toFixed(2)} MiB`)
  const ratio = lowerBound / peak
  return {
    ...{ what: `memory, ${what}: peak`, ours: peak / 2 ** 20, unit: 'MiB' },
    ...{ against: 'lower bound', theirs: lowerBound / 2 ** 20, ratio, target: 0.87 },
    met: peak <= LIMIT * lowerBound,
  }
}
