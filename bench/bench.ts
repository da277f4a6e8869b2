/**
 * Benchmarks: `npm run bench -- NAME [--json] [--quick] [--only PART,...] [--count N]` runs bench/NAME.ts; without a
 * name it lists what there is. `--small` is `--quick`. `--only` is for those that have parts (engine, swarm), `--count` for those that do something
 * so many times (jobs). All print the machine first and rows of one shape after it (row.ts); `--json` prints
 * {machine, rows}.
 */
import { readdirSync } from 'node:fs'
import { scriptArguments } from '../scripts/arguments.ts'
import { machine } from './machine.ts'
import type { Bench } from './row.ts'
import { table } from './table.ts'

const { values, positionals } = scriptArguments({
  allowPositionals: true,
  options: {
    json: { type: 'boolean' },
    quick: { type: 'boolean' },
    small: { type: 'boolean' },
    only: { type: 'string' },
    count: { type: 'string' },
  },
})
const [name] = positionals
const names = readdirSync(import.meta.dirname)
  .filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts'))
  .map((f) => f.slice(0, -3))
  .filter((f) => !['bench', 'row', 'table', 'machine', 'generation-model'].includes(f))

if (name === undefined || !names.includes(name)) {
  if (name !== undefined) console.error(`${name} is no benchmark; allowed: ${names.join(', ')}.`)
  else
    console.log(
      `usage: npm run bench -- NAME [--json] [--quick] [--only PART,...] [--count N]\nbenchmarks: ${names.join(', ')}`,
    )
  process.exit(name === undefined ? 0 : 2)
}
const { bench } = (await import(`./${name}.ts`)) as { bench: Bench }
// What a benchmark has started ends with this process where it exits, not where it is simply killed.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const { count, json = false } = values
const quick = (values.quick ?? false) || (values.small ?? false)
if (count !== undefined && !/^[1-9]\d{0,5}$/.test(count)) {
  console.error(`--count is ${count}; allowed: a whole number from 1 to 999999.`)
  process.exit(2)
}
const about: { [what: string]: string | number } = {}
const tell = (what: string, value: string | number): void => {
  about[what] = value
  if (!json) console.log(`${what}: ${value}`)
}
for (const [what, value] of machine()) tell(what, value)
const rows = await bench({
  quick,
  tell,
  ...(count !== undefined && { count: Number(count) }),
  ...(values.only !== undefined && { only: values.only.split(',').map((part) => part.trim()) }),
})
if (json) console.log(JSON.stringify({ machine: about, rows }))
else console.log(`\n${table(rows)}`)
