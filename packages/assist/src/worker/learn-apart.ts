import type { Suggester } from '../assistant/suggester.ts'

/** A suggester in a place of its own, for one training. */
export type Apart = {
  readonly suggester: Suggester
  /** Ends the place: its worker, above all. */
  end(): void
}

/**
 * A suggester that learns and is measured in another one of the same model, which is opened for it and ended after it: so no
 * suggestion waits for a training, and its memory is taken only while there is one. Between two steps the training
 * waits for the suggestions under way. What comes of it is what this one itself would have learned, bit for bit.
 */
export const learnApart = (suggester: Suggester, open: () => Promise<Apart>): Suggester => {
  let asked = 0
  let waiting: (() => void)[] = []
  const answered = (): void => {
    asked--
    if (asked > 0) return
    for (const go of waiting) go()
    waiting = []
  }
  const quiet = async (): Promise<void> => {
    while (asked > 0) await new Promise<void>((go) => waiting.push(go))
  }
  const elsewhere = async <T>(work: (other: Suggester) => Promise<T>): Promise<T> => {
    const state = await suggester.state()
    const there = await open()
    try {
      await there.suggester.load(state)
      return await work(there.suggester)
    } finally {
      there.end()
    }
  }
  return {
    ...suggester,
    suggest: async (context, ask) => {
      asked++
      try {
        return await suggester.suggest(context, ask)
      } finally {
        answered()
      }
    },
    learn: (lessons) =>
      elsewhere((other) =>
        other.learn({
          ...lessons,
          between: async () => {
            await quiet()
            return lessons.between?.() ?? true
          },
        }),
      ),
    evaluate: (exam) => elsewhere((other) => other.evaluate(exam)),
  }
}
