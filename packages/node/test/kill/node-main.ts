/** A node as a process of its own, for tests that kill it: `node node-main.ts FILE`. Its log is JSON on stdout. */
import { readFileSync } from 'node:fs'
import { unwrap } from '@lockstep/tensor'
import { configSchema } from '../../src/config/schema.ts'
import { startNode } from '../../src/daemon/start-node.ts'
import { Secret } from '../../src/keys/secret.ts'
import { createLog } from '../../src/log.ts'
import type { NodeFile } from './members.ts'

const file = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as NodeFile
const config = configSchema.parse(file.config)
const node = unwrap(
  await startNode({
    config,
    directory: file.directory,
    deployment: file.deployment,
    account: file.account,
    key: unwrap(Secret.from(Buffer.from(file.key, 'hex'))),
    log: createLog({ level: 'debug', format: 'json', terminal: process.stdout, fields: { node: file.name } }),
    ...(file.executor && { executor: file.executor }),
    ...(file.auditExecutor && { auditExecutor: file.auditExecutor }),
  }),
)
process.once('SIGTERM', () => void node.stop().then(() => process.exit(0)))
// Whoever started this process is gone: nothing is to be left behind.
process.stdin.once('close', () => process.kill(process.pid, 'SIGKILL')).resume()
