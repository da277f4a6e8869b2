import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { NetworkFile } from '@lockstep/client'
import type { Deployment } from '@lockstep/contracts'
import type { Address, Hex } from 'viem'
import type { Machine } from '../../../network/test/machines.ts'
import type { ExecutorSpec } from '../../src/run/run-spec.ts'

/** What node-main.ts starts a node with. */
export type NodeFile = {
  readonly name: string
  readonly config: object
  readonly directory: string
  readonly deployment: Deployment
  readonly account: Address
  readonly key: string
  readonly executor?: Pick<ExecutorSpec, 'module' | 'options'>
  readonly auditExecutor?: Pick<ExecutorSpec, 'module' | 'options'>
}

/** What client-main.ts posts, or publishes again where the job's number is given. */
export type ClientFile = {
  readonly network: NetworkFile
  readonly key: Hex
  readonly manifest: object
  readonly text: string
  readonly job?: number
}

/** A line of a process's log. */
export type Line = { readonly who: string; readonly msg: string; readonly [field: string]: unknown }

/** A process of the test: it can be killed and started again, with the same file. */
export type Member = {
  readonly name: string
  /** With other words in its file than before, where they are given. */
  readonly start: (change?: object) => void
  /** SIGKILL. Fulfilled when the process is gone. */
  readonly kill: () => Promise<void>
  /** SIGTERM. Fulfilled when the process is gone, with its exit code. */
  readonly stop: () => Promise<number | null>
  readonly isUp: () => boolean
  readonly pid: () => number | undefined
  /** Fulfilled when the process has ended, with its exit code; null after a kill. */
  readonly ended: () => Promise<number | null>
}

export type MemberOptions = {
  readonly name: string
  readonly program: string
  readonly file: object
  readonly directory: string
  readonly heard: (line: Line) => void
  /** The machine that it is on, where that is not this one. */
  readonly machine?: Pick<Machine, 'command'>
}

export const createMember = (options: MemberOptions): Member => {
  const { name, program, file, directory, heard, machine } = options
  mkdirSync(directory, { recursive: true })
  const path = join(directory, `${name}.json`)
  let child: ChildProcess | undefined
  let ended: Promise<number | null> = Promise.resolve(0)
  const start = (change: object = {}): void => {
    writeFileSync(path, JSON.stringify({ ...file, ...change }), { mode: 0o600 })
    const args = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, program), path]
    const command = machine ? machine.command(process.execPath, args) : ([process.execPath, args] as const)
    const started = spawn(...command, { stdio: ['pipe', 'pipe', 'pipe'] })
    child = started
    started.stdin.on('error', () => {})
    createInterface({ input: started.stdout }).on('line', (text) => {
      // A process that is being killed says nothing any more.
      if (child !== started || !text.startsWith('{')) return
      heard({ ...(JSON.parse(text) as Line), who: name })
    })
    createInterface({ input: started.stderr }).on('line', (text) =>
      heard({ who: name, msg: text, level: 'stderr' }),
    )
    ended = new Promise((resolve) => started.once('close', (code) => resolve(code)))
    void ended.then((code) => {
      if (child !== started) return // it was killed
      child = undefined
      heard({ who: name, msg: 'ended', code })
    })
  }
  const end = (signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> => {
    const ending = child
    if (signal === 'SIGKILL') child = undefined
    ending?.kill(signal)
    return ended
  }
  return {
    name,
    start,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    isUp: () => child !== undefined,
    pid: () => child?.pid,
    ended: () => ended,
  }
}
