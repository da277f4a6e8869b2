import type { Suggester } from '../assistant/suggester.ts'
import type { Episode } from '../episode/episode.ts'
import type { Acceptance } from '../offering/acceptance.ts'
import { type Answer, type Ask, type Lot, listen, type Port } from './port.ts'

/** A model as an assistant needs it. */
export type Model = { readonly suggester: Suggester; readonly acceptance: Acceptance }

/**
 * The worker's end: answers for a model that `open` makes, from the first message on. Between the steps of a training it
 * asks the other end whether to go on, so that messages are heard in between.
 *
 *   serveModel(self, async () => ({ suggester: await ..., acceptance: await learnedAcceptance(executor) }))
 */
export const serveModel = (port: Port, open: () => Promise<Model>): void => {
  const say = (answer: Answer): void => port.postMessage(answer)
  const asking = new Map<number, (on: boolean) => void>()
  const lots = new Map<number, Episode[]>()
  const returned = ({ lot }: Lot): readonly Episode[] => {
    const episodes = lots.get(lot) ?? []
    lots.delete(lot)
    return episodes
  }
  /** What was asked, with the episodes that were lent for it. */
  const whole = (id: number, method: string, args: readonly unknown[]): readonly unknown[] => {
    if (method === 'learn') {
      const { episodes, heldOut, ...rest } = args[0] as { readonly episodes: Lot; readonly heldOut: Lot }
      return [{ ...rest, episodes: returned(episodes), heldOut: returned(heldOut), between: between(id) }]
    }
    if (method === 'evaluate') {
      const { after, on } = args[0] as { readonly after: Lot; readonly on: Lot }
      return [{ after: returned(after), on: returned(on) }]
    }
    return args
  }
  const model = open()
  model.then(
    ({ suggester: { symbols, context, remembers } }) => say({ kind: 'ready', symbols, context, remembers }),
    (error) => say({ kind: 'failed', id: undefined, message: String(error) }),
  )
  const between = (id: number) => (): Promise<boolean> =>
    new Promise((resolve) => {
      asking.set(id, resolve)
      say({ kind: 'between', id })
    })
  const call = async ({ id, of, method, args }: Extract<Ask, { readonly kind: 'call' }>): Promise<void> => {
    try {
      const { suggester, acceptance } = await model
      const target = (of === 'suggester' ? suggester : acceptance) as unknown as Record<
        string,
        (...args: readonly unknown[]) => Promise<unknown>
      >
      const given = of === 'suggester' ? whole(id, method, args) : args
      say({ kind: 'result', id, value: await target[method]!(...given) })
    } catch (error) {
      say({ kind: 'failed', id, message: String(error) })
    }
  }
  const heard = (ask: Ask): void => {
    if (ask.kind === 'call') void call(ask)
    else if (ask.kind === 'cancel')
      void model.then(({ suggester }) => suggester.cancel()).catch(() => undefined)
    else if (ask.kind === 'lend') lots.set(ask.lot, [...(lots.get(ask.lot) ?? []), ask.episode])
    else {
      asking.get(ask.id)?.(ask.on)
      asking.delete(ask.id)
    }
  }
  listen<readonly Ask[]>(port, (asks) => {
    for (const ask of asks) heard(ask)
  })
}

/**
 * Lets a worker hear its messages: what is waited for comes after those that lie there already. For a model to call
 * between the symbols of a suggestion, so that it can be cancelled.
 */
export const createBreath = (): { readonly breathe: () => Promise<void>; readonly close: () => void } => {
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  listen(port1 as unknown as Port, () => waiting.shift()?.())
  return {
    breathe: () =>
      new Promise((resolve) => {
        waiting.push(resolve)
        port2.postMessage(0)
      }),
    close: () => {
      port1.close()
      for (const go of waiting.splice(0)) go()
    },
  }
}
