/** A node for tests: two parts of real processes under a supervisor, until a signal. Prints what happens. */
import { unwrap } from '@lockstep/tensor'
import { createLog } from '../src/log.ts'
import { processPart } from '../src/supervisor/process-part.ts'
import { runParts } from '../src/supervisor/run-parts.ts'
import { onStopSignals } from '../src/supervisor/stop-signals.ts'

const [lockFile = '', second = 'polite', stopWithin = '5000'] = process.argv.slice(2)
const log = createLog({ level: 'debug', format: 'json', terminal: process.stdout })
const program = new URL('part-program.ts', import.meta.url).pathname
const part = (name: string, behaviour: string) =>
  processPart({
    name,
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', program, behaviour],
    line: (text) => log.debug({ part: name, text }, 'said'),
    stopWithin: Number(stopWithin),
  })
const started = await runParts({ lockFile, log, parts: [part('first', 'polite'), part('second', second)] })
if (!started.ok) {
  log.error(started.fault, 'refused')
  process.exit(2)
}
const supervisor = unwrap(started)
onStopSignals(
  async () => {
    const killed = await supervisor.stop()
    log.info({ killed }, 'stopped')
    process.exit(0)
  },
  () => process.exit(1),
  30_000,
)
await supervisor.up
log.info({ parts: supervisor.status() }, 'node up')
setInterval(() => {}, 1000)
