import type { Lessons, Suggester } from '../assistant/suggester.ts'
import type { Acceptance } from '../offering/acceptance.ts'
import { type Answer, type Ask, listen, type Port } from './port.ts'

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
      const given =
        method === 'learn' && of === 'suggester' ? [{ ...(args[0] as Lessons), between: between(id) }] : args
      say({ kind: 'result', id, value: await target[method]!(...given) })
    } catch (error) {
      say({ kind: 'failed', id, message: String(error) })
    }
  }
  listen<Ask>(port, (ask) => {
    if (ask.kind === 'call') void call(ask)
    else if (ask.kind === 'cancel')
      void model.then(({ suggester }) => suggester.cancel()).catch(() => undefined)
    else {
      asking.get(ask.id)?.(ask.on)
      asking.delete(ask.id)
    }
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
