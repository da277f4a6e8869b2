/**
 * Benchmarks: `npm run bench -- NAME [--json] [--quick] [--count N]` runs bench/NAME.ts; without a name it lists what
 * there is. `--count` is for those that do something so many times: jobs.
 * Every row is a median of runs that alternate between ours and what it is compared with.
 */
import { readdirSync } from 'node:fs'
import { scriptArguments } from '../scripts/arguments.ts'
import type { Bench, Row } from './row.ts'

const { values, positionals } = scriptArguments({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, quick: { type: 'boolean' }, count: { type: 'string' } },
})
const [name] = positionals
const names = readdirSync(import.meta.dirname)
  .filter((f) => f.endsWith('.ts') && !['bench.ts', 'row.ts'].includes(f))
  .map((f) => f.slice(0, -3))

if (name === undefined || !names.includes(name)) {
  if (name !== undefined) console.error(`${name} is no benchmark; allowed: ${names.join(', ')}.`)
  else
    console.log(
      `usage: npm run bench -- NAME [--json] [--quick] [--count N]\nbenchmarks: ${names.join(', ')}`,
    )
  process.exit(name === undefined ? 0 : 2)
}
const { bench } = (await import(`./${name}.ts`)) as { bench: Bench }
// What a benchmark has started ends with this process where it exits, not where it is simply killed.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const { quick = false, count } = values
if (count !== undefined && !/^[1-9]\d{0,5}$/.test(count)) {
  console.error(`--count is ${count}; allowed: a whole number from 1 to 999999.`)
  process.exit(2)
}
const rows = await bench({ quick, ...(count !== undefined && { count: Number(count) }) })
if (values.json) console.log(JSON.stringify({ rows }))
else for (const row of rows) console.log(line(row))

function line(r: Row): string {
  if (r.against === null) return `${r.what}: ${r.ours.toPrecision(4)} ${r.unit}`
  const target = r.target === null ? '' : `, target ${r.target} ${r.met ? 'met' : 'MISSED'}`
  return `${r.what}: ${r.ours.toPrecision(4)} ${r.unit}; ${r.against} ${r.theirs!.toPrecision(4)}; ratio ${r.ratio!.toFixed(3)}${target}`
}
