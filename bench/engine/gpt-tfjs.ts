import { GPT, gptCase } from './cases.ts'
import type { Section } from './section.ts'
import { firstLosses } from './training-rows.ts'
import { versus } from './versus.ts'

/** The same GPT step beside tfjs-wasm, which takes so long that it has a section of its own. */
export const section: Section = async (context) => {
  const gpt = context.quick ? { ...GPT, layers: 1, batch: 2 } : GPT
  const executor = await context.executor({ threads: 1 })
  const { program, inputs, state } = gptCase(gpt)
  const runner = await executor.compile(program, inputs)
  runner.load(state)
  const ours = {
    what: 'GPT step, 1 thread',
    run: () => runner.step(),
    check: await firstLosses(runner, 1),
    threads: 1,
  }
  const row = await versus(context, ours, { name: 'tfjs-wasm', target: 25 }, { case: 'gpt', ...gpt, warm: 1 })
  runner.close()
  return [row]
}
