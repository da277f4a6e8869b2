/** One node of the benchmark, in a process of its own: it is given what it starts with, and says what it has used. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Deployment } from '@lockstep/contracts'
import { configSchema, createLog, Secret } from '@lockstep/node'
import { unwrap } from '@lockstep/tensor'
import { hexToBytes } from 'viem'
import { startNode } from '../../packages/node/src/daemon/start-node.ts'
import { childrenTime } from './processor-time.ts'

export type NodeOrder = {
  readonly config: object
  readonly directory: string
  readonly deployment: Deployment
  readonly account: `0x${string}`
  readonly key: `0x${string}`
}
/** What a node has used so far: seconds of processor time, and bytes. */
export type NodeUsage = {
  readonly own: number
  readonly children: number
  readonly memory: number
  /** The node's database. */
  readonly store: number
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

const usage = (store: string): NodeUsage => {
  const { user, system } = process.cpuUsage()
  return {
    own: (user + system) / 1e6,
    children: childrenTime(process.pid),
    memory: process.memoryUsage.rss(),
    store: sizeOf(store) + sizeOf(`${store}-wal`),
  }
}

process.once('message', async (order: NodeOrder) => {
  const config = configSchema.parse(order.config)
  const node = unwrap(
    await startNode({
      config,
      directory: order.directory,
      deployment: order.deployment,
      account: order.account,
      key: unwrap(Secret.from(hexToBytes(order.key))),
      log: createLog({
        level: config.log.level,
        format: 'line',
        terminal: process.stderr,
        fields: { node: config.name },
      }),
    }),
  )
  while (config.roles.includes('provider') && node.capability() === undefined)
    await new Promise((resolve) => setTimeout(resolve, 100))
  process.on('message', (asked: 'usage' | 'stop') => {
    if (asked === 'usage') process.send!({ answer: usage(join(order.directory, config.store)) })
    else void node.stop().finally(() => process.send!({ answer: null }, () => process.exit()))
  })
  process.send!({ answer: node.peer.addresses()[0] })
})
process.on('disconnect', () => process.exit())
