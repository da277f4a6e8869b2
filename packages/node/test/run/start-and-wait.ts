import { startRun } from '../../src/run/index.ts'

// Starts a run and tells the number of its process, for a test that kills this one.
const { pid, result } = startRun(JSON.parse(process.argv[2]!), { limits: { memory: 2 ** 30 } })
process.stdout.write(`${pid}\n`)
await result
