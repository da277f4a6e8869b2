/** A node's HTTP server in a process of its own, for tests that measure its memory. Prints its port. */
import { createMetrics } from '../../src/http/metrics.ts'
import { serveHttp } from '../../src/http/server.ts'
import type { NodeViews } from '../../src/http/views.ts'

const health = async () => ({ live: true, ready: true, reasons: [] })
const unknown = async () => undefined
const views = new Proxy({} as NodeViews, { get: (_, name) => (name === 'health' ? health : unknown) })
const server = await serveHttp({
  ...{ host: '127.0.0.1', port: 0, names: [], open: false, token: 'a-token-of-the-test-0123456789' },
  ...{ version: '0', views, metrics: createMetrics('node'), log: { warn: () => {}, error: () => {} } },
})
console.log(server.port)
// Whoever started this process is gone: nothing is to be left behind.
process.stdin.once('close', () => process.exit()).resume()
