import { type Client, type NetworkFile, openClient } from '@lockstep/client'
import type { LocalAccount } from 'viem'
import { nobody } from './reach.ts'

/** Joins a network as a requester, or to look on, for as long as `work` takes. */
export const withClient = async <T>(
  network: NetworkFile,
  account: LocalAccount | undefined,
  work: (client: Client) => Promise<T>,
): Promise<T> => {
  const client = await openClient({ network, account: account ?? nobody() })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

/** Runs `work` until it ends or somebody presses Ctrl-C: then it is cleaned up, and the process ends by that signal. */
export const untilInterrupted = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const interrupt = new AbortController()
  let by: NodeJS.Signals | undefined
  const stop = (signal: NodeJS.Signals): void => {
    by = signal
    interrupt.abort()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    return await work(interrupt.signal)
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
    if (by !== undefined) process.kill(process.pid, by)
  }
}
