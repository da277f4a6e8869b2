/**
 * Serves the playground, where a GPT trains in a page, until Ctrl-C.
 *   npm run playground [-- --port N] [--not-isolated]
 */
import { parseArgs } from 'node:util'
import { servePlayground } from './server/serve.ts'

const USAGE = 'Usage: npm run playground [-- --port N] [--not-isolated]'
const refuse = (message: string): never => {
  process.stderr.write(`${message}\n${USAGE}\n`)
  return process.exit(2)
}
const read = () => {
  try {
    return parseArgs({
      options: {
        port: { type: 'string', default: '8765' },
        'not-isolated': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return refuse((error as Error).message)
  }
}
const values = read()
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65535)
  refuse(`--port is ${values.port}; allowed: 0 to 65535, 0 for any that is free.`)

try {
  const { url } = await servePlayground({ port: Number(values.port), isolated: !values['not-isolated'] })
  console.log(`The playground is at ${url} until Ctrl-C.`)
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  const remedy = code === 'EADDRINUSE' ? `port ${values.port} is taken: choose another with --port.` : message
  process.stderr.write(`The playground cannot be served: ${remedy}\n`)
  process.exit(3)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0))
