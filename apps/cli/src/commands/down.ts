import { rm } from 'node:fs/promises'
import { isRunning, type ProcessIdentity, readHolder, stopOrphans } from '@lockstep/node'
import { badEnvironment } from '../cli-error.ts'
import { homeOf } from '../network/home.ts'
import type { Terminal } from '../terminal.ts'

export type DownOptions = { readonly home?: string }

/** How long a network may take to stop by itself, in milliseconds. */
const STOP_MS = 60_000

/** Stops the network that `up` has started here. Numbers of processes are given again: only that very one is meant. */
export const downCommand = async (options: DownOptions, terminal: Terminal): Promise<void> => {
  const home = homeOf(options.home)
  const holder = await readHolder(home.lock)
  const left = (holder?.children ?? []).filter(isRunning)
  if (holder === undefined || (!isRunning(holder) && left.length === 0)) {
    terminal.say(`No network runs in ${home.directory}.`)
    terminal.result({ home: home.directory, stopped: [] })
    return
  }
  if (isRunning(holder)) {
    terminal.note(`stopping process ${holder.pid} and what it has started`)
    process.kill(holder.pid, 'SIGTERM')
    if (!(await untilOver(holder))) {
      process.kill(holder.pid, 'SIGKILL')
      await untilOver(holder)
    }
  }
  await stopOrphans(left, {
    warn: ({ part }: { part?: string }, said: string) => terminal.note(`${part} ${said}`),
  })
  if (isRunning(holder) || left.some(isRunning))
    throw badEnvironment(
      'network-up',
      home.directory,
      'still running',
      'processes that end when they are killed',
      'Look at them with ps; they may wait for a disk.',
    )
  await rm(home.lock, { force: true })
  const names = holder.children.map(({ name }) => name)
  terminal.say(`Stopped ${names.join(', ') || 'the network'}. \`lockstep up\` goes on with the same chain.`)
  terminal.result({ home: home.directory, stopped: names })
}

const untilOver = async (process_: ProcessIdentity): Promise<boolean> => {
  const end = performance.now() + STOP_MS
  while (isRunning(process_)) {
    if (performance.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return true
}
