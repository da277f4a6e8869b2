import type { BlobStore } from '@lockstep/network'

export type UnpinOptions = {
  /** Milliseconds for which a relay keeps what belongs to closed jobs: their requesters may come for it later. */
  readonly keepMs?: number
  /** Milliseconds since 1970. */
  readonly now: number
}

const DAY_MS = 86_400_000

/**
 * Takes back the pins of jobs that are closed. What is kept on gets one pin for all jobs that end on a day: thousands
 * may train on one text, and a blob's pins are counted.
 */
export const unpinClosed = (
  store: Pick<BlobStore, 'list' | 'pin' | 'unpin'>,
  open: ReadonlySet<number>,
  { keepMs, now }: UnpinOptions,
): void => {
  const today = Math.floor(now / DAY_MS)
  for (const { id, pins } of store.list()) {
    let isLeft = false
    for (const pin of pins) {
      const [, kind, number] = /^(job|day):(\d+)$/.exec(pin) ?? []
      if (kind === 'job' && !open.has(Number(number))) {
        store.unpin(id, pin)
        isLeft = true
      }
      if (kind === 'day' && (Number(number) + 1) * DAY_MS + (keepMs ?? 0) <= now) store.unpin(id, pin)
    }
    if (isLeft && keepMs !== undefined) store.pin(id, `day:${today}`)
  }
}
