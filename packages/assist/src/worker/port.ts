import type { Episode } from '../episode/episode.ts'

/** One end of a line to a worker: the worker itself in a page, `self` in the worker, or a port of a MessageChannel. */
export type Port = {
  postMessage(message: unknown): void
  onmessage: ((event: never) => void) | null
  onerror?: unknown
  onmessageerror?: unknown
}

/** What is asked of the worker, in messages of one or more: a method of the suggester or of the acceptance. */
export type Ask =
  | {
      readonly kind: 'call'
      readonly id: number
      readonly of: 'suggester' | 'acceptance'
      readonly method: string
      readonly args: readonly unknown[]
    }
  | { readonly kind: 'cancel' }
  /** One more episode of a lot, which a call then names: one at a time, so that none of it takes long. */
  | { readonly kind: 'lend'; readonly lot: number; readonly episode: Episode }
  /** Whether a training goes on that asked. */
  | { readonly kind: 'go'; readonly id: number; readonly on: boolean }

export type Answer =
  | {
      readonly kind: 'ready'
      readonly symbols: number
      readonly context: number
      readonly remembers: 'actions' | 'episodes' | undefined
    }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number | undefined; readonly message: string }
  /** A training asks whether it goes on. */
  | { readonly kind: 'between'; readonly id: number }

/** In the place of a list of episodes: those that were lent under this number. */
export type Lot = { readonly lot: number }

export const listen = <T>(port: Port, heard: (message: T) => void): void => {
  port.onmessage = ((event: { readonly data: T }) => heard(event.data)) as (event: never) => void
}
