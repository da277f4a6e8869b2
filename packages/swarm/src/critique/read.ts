import { f32Values, initialState, logsProgram, parametersOf, wordTensor } from '@lockstep/models'
import type { Executor, Tensor } from '@lockstep/tensor'
import { rowTensors } from '../learn/lesson.ts'
import { type Asked, type JudgePlan, verdictLesson } from './verdict.ts'

/**
 * What models think of an answer, in nats: `sum` and `mean` of its tokens' log-probabilities, its end included, by the
 * policy; `odds`, ln p(right) - ln p(wrong) by the trained judge.
 */
export type Reading = { readonly sum: number; readonly mean: number; readonly odds: number }

export type Reader = {
  /** A reading of each answer; undefined of what is too long to be read. Without a trained judge `odds` are 0. */
  readonly read: (
    policy: readonly Tensor[],
    judge: readonly Tensor[] | undefined,
    asked: readonly Asked[],
  ) => Promise<(Reading | undefined)[]>
  readonly close: () => void
}

/** Lines that are read side by side. */
const BATCH = 64

/** Reads answers with one program, compiled once for all models of a configuration. */
export const createReader = async (executor: Executor, plan: Omit<JudgePlan, 'train'>): Promise<Reader> => {
  const { model, prompt, answer } = plan
  const type = { rows: BATCH, length: prompt + answer + 1, dtype: 'u32' } as const
  const blank = initialState(model, 0).slice(0, parametersOf(model).length)
  const runner = await executor.compile(logsProgram(model, BATCH, type), [...blank, rowTensors([], type)[0]])

  /** Sums of the log-probabilities of each row's places from `from` to `until` - 1. */
  const sums = async (
    parameters: readonly Tensor[],
    rows: readonly { readonly line: Parameters<typeof rowTensors>[0][number]; readonly from: number }[],
  ): Promise<{ sum: number; verdict: number; count: number }[]> => {
    const found: { sum: number; verdict: number; count: number }[] = []
    for (let at = 0; at < rows.length; at += BATCH) {
      const part = rows.slice(at, at + BATCH)
      const [tokens] = rowTensors(
        part.map(({ line }) => line),
        type,
      )
      runner.give([...parameters, tokens])
      runner.load([wordTensor(0)])
      await runner.step()
      const logs = f32Values(runner.outputs()[0]!)
      for (const [r, { line, from }] of part.entries()) {
        const base = r * (type.length - 1) - 1
        const until = line!.prompt.length
        let sum = 0
        for (let place = from; place < until; place++) sum += logs[base + place]!
        found.push({ sum, verdict: logs[base + until]!, count: until - from })
      }
    }
    return found
  }

  return {
    read: async (policy, judge, asked) => {
      const lines = asked.flatMap((one, at) => {
        const yes = verdictLesson(plan, one, 'right')
        const no = verdictLesson(plan, one, 'wrong')
        // The answer's first token stands behind the prompt and its end.
        return yes && no ? [{ at, yes, no, from: plan.coding.encode(one.prompt).length + 1 }] : []
      })
      const readBy = (parameters: readonly Tensor[], verdict: 'yes' | 'no') =>
        sums(
          parameters,
          lines.map(({ [verdict]: line, from }) => ({ line, from })),
        )
      const by = await readBy(policy, 'yes')
      const right = judge && (await readBy(judge, 'yes'))
      const wrong = judge && (await readBy(judge, 'no'))
      const found: (Reading | undefined)[] = asked.map(() => undefined)
      for (const [i, { at }] of lines.entries()) {
        const { sum, count } = by[i]!
        found[at] = {
          sum,
          mean: sum / count,
          odds: right && wrong ? right[i]!.verdict - wrong[i]!.verdict : 0,
        }
      }
      return found
    },
    close: () => runner.close(),
  }
}
