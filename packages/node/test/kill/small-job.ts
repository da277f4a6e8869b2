/** A job that a town trains in seconds; what takes time is that people wait for each other. */
export const TEXT: string = 'the quick brown fox jumps over the lazy dog. '.repeat(60)

const TIMES = {
  ...{ bidding: 2, inclusion: 1, receipt: 120, run: 240, audit: 90, answer: 60, window: 660 },
  ...{ clock: 600, segment: 60, step: 60, move: 60, deadline: 7200 },
}

/** Its manifest, with other steps, terms or times where a test is about those. */
export const smallJob = (
  change: { steps?: number; market?: object; times?: Partial<typeof TIMES> } = {},
): object => ({
  name: 'small',
  data: { text: 'text.txt' },
  model: { layers: 1, width: 16, heads: 2, context: 16 },
  training: { batch: 2, steps: change.steps ?? 8, warmup: 2 },
  segments: { every: 2 },
  market: {
    ...{ auditRate: 10_000, auditors: 2, ceiling: '0.01', auditPrice: '0.01' },
    ...change.market,
    times: { ...TIMES, ...change.times },
  },
})
