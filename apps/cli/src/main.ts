import { run } from './cli.ts'
import { asCliError, EXIT } from './cli-error.ts'

for (const [name, stream] of [
  ['stdout', process.stdout],
  ['stderr', process.stderr],
] as const)
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return // a reader that has seen enough (`| head`) is no error
    process.stderr.write(`lockstep: ${asCliError(error, name)?.message ?? error.message}\n`)
    process.exit(EXIT.environment)
  })
process.on('uncaughtException', (error) => {
  process.stderr.write(
    `lockstep: a bug in Lockstep, please report it with the lines below.\n${error.stack}\n`,
  )
  process.exit(EXIT.bug)
})
process.exitCode = await run(process.argv.slice(2))
// All that had to be closed is closed: a timer that a library has left behind holds up nobody.
setInterval(() => {
  if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit()
}, 100).unref()
