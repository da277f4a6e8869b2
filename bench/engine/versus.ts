import { absentRow, alternate, median, type Row, timeRow, workRow } from '../row.ts'
import type { Order } from './order.ts'
import { type PeerName, peerLabel } from './peer.ts'
import { sameWork } from './same-work.ts'
import type { Context } from './section.ts'

/** Our side of a comparison: what is run, and numbers of its result that a peer must have too. */
export type Ours = {
  readonly what: string
  readonly run: () => Promise<void> | void
  readonly check: readonly number[]
  readonly threads: number
}
/** A peer, and how many times as fast we are to be; null: it is only shown. */
export type Rival = { readonly name: PeerName; readonly target: number | null }

/** Rounds with a peer that is slow are fewer, and the row says how many. */
const BUDGET = 70
/**
 * Who has waited for the other's turn finds its threads asleep and its data out of the caches: what takes less than so
 * many seconds runs once before it is timed, on either side.
 */
const WARM = 0.7

/**
 * Ours and a peer's time for the same order, in turns. With `work`, an amount of `unit` that one run does, the row is
 * a rate; without, milliseconds.
 */
export const versus = async (
  context: Context,
  ours: Ours,
  { name, target }: Rival,
  order: Order,
  rate?: { readonly work: number; readonly unit: string },
): Promise<Row> => {
  const { what, run, check, threads } = ours
  const peer = await context.peer(name, order, threads)
  if (peer === null) {
    const times = (await alternate(context.rounds, [run]))[0]!
    const label = peerLabel(name)
    return rate
      ? absentRow(what, rate.work / median(times), rate.unit, label, target)
      : absentRow(what, 1000 * median(times), 'ms', label, target)
  }
  try {
    const near = sameWork(what, peer.label, check, peer.check)
    context.tell(`same work, ${what}, ${peer.label}`, near)
    const first = await peer.run()
    const rounds = Math.max(3, Math.min(context.rounds, Math.floor(BUDGET / first)))
    const named = rounds < 7 ? `${what} (median of ${rounds})` : what
    const warms = first < WARM
    const [mine, theirs] = await alternate(rounds, [
      async () => {
        if (warms) await run()
        const start = performance.now()
        await run()
        return (performance.now() - start) / 1000
      },
      async () => {
        if (warms) await peer.run()
        return peer.run()
      },
    ])
    return rate
      ? workRow(named, rate.work, rate.unit, mine!, peer.label, theirs!, target)
      : timeRow(named, mine!, peer.label, theirs!, target)
  } finally {
    await peer.close()
  }
}
