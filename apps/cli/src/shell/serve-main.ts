import { shellServer } from './serve.ts'
import { openShellStore } from './store.ts'

/** The process beside a shell: node serve-main.ts DIRECTORY. It ends with the shell, which holds the other end of the pipe. */
const [directory] = process.argv.slice(2)
if (directory === undefined) process.exit(2)
const session = `${process.pid.toString(36)}${Date.now().toString(36)}`.slice(-16)
const answer = shellServer(openShellStore(directory), session, Date.now, (text) => process.stdout.write(text))
process.stdout.on('error', () => process.exit())
process.stdin.setEncoding('utf8')
process.stdin.on('data', (part: string) => {
  try {
    answer(part)
  } catch {
    // A full disk or a lost directory costs what would have been remembered, and nothing else.
  }
})
process.stdin.on('end', () => process.exit())
