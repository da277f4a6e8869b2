/** A part for tests: says that it is ready, and then behaves as its first argument says. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { endWithParent, sayReady } from '../src/supervisor/process-part.ts'

const [behaviour, note] = process.argv.slice(2)
const ticking = setInterval(() => {}, 1000)
const end = (): void => {
  clearInterval(ticking)
  process.exit(0)
}
if (note !== undefined) writeFileSync(note, String(process.pid))
switch (behaviour) {
  case 'silent':
    break
  case 'ends':
    sayReady()
    setTimeout(() => process.exit(3), 50)
    break
  case 'stubborn':
    process.on('SIGTERM', () => console.log('no'))
    sayReady()
    break
  case 'orphan':
    sayReady()
    break
  case 'parent': {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    if (note !== undefined) writeFileSync(note, String(child.pid))
    sayReady()
    break
  }
  default:
    process.on('SIGTERM', () => {
      console.log('bye')
      end()
    })
    endWithParent(end)
    console.log(`x${'y'.repeat(20_000)}`)
    console.log('hello')
    sayReady()
}
