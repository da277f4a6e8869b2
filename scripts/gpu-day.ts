/**
 * Everything that only a machine with an NVIDIA card can show, in ten minutes, most important first. Each part is a
 * process of its own with a limit of its own, so that one that fails or hangs loses nothing else; what each printed lies
 * in the folder as it was printed.
 *   node scripts/gpu-day.ts FOLDER [--seconds 570]
 * Without a card every part says so in one line. For a machine with neither Node nor packages:
 *   node scripts/gpu-day.ts --pack .lockstep/gpu-day     here, then carry that folder and this working tree there
 *   sh .lockstep/gpu-day/run.sh FOLDER                   there
 */
import { spawn } from 'node:child_process'
import { chmodSync, cpSync, createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { scriptArguments } from './arguments.ts'

const root = resolve(import.meta.dirname, '..')
const { values, positionals } = scriptArguments({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '570' }, pack: { type: 'string' } },
})

/** [name, seconds at most, script and arguments] */
const PARTS: readonly (readonly [string, number, readonly string[]])[] = [
  ['conformance', 120, ['scripts/executor-digests.ts', 'cuda', '--programs', '20', '--json']],
  ['products', 90, ['bench/bench.ts', 'gpu', '--only', 'products', '--json']],
  ['gpt-2-layers', 90, ['bench/bench.ts', 'gpu', '--only', 'gpt', '--quick', '--json']],
  ['gpt', 240, ['bench/bench.ts', 'gpu', '--only', 'gpt', '--json']],
  ['memory', 60, ['bench/bench.ts', 'gpu', '--only', 'memory', '--json']],
  ['kernels', 60, ['scripts/gpu-kernels.ts']],
  [
    'random-programs',
    120,
    ['scripts/executor-digests.ts', 'cuda', '--programs', '300', '--seed', '1000', '--json'],
  ],
]

const runPart = (folder: string, name: string, seconds: number, args: readonly string[]): Promise<string> =>
  new Promise((done) => {
    const out = createWriteStream(join(folder, `${name}.json`))
    const log = createWriteStream(join(folder, `${name}.log`))
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], { cwd: root })
    child.stdout.pipe(out)
    child.stderr.pipe(log)
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, seconds * 1000)
    child.on('error', (error) => log.write(`${error.message}\n`))
    child.on('close', (code) => {
      clearTimeout(timer)
      done(late ? `ended after ${seconds} s` : code === 0 ? 'done' : `ended with ${code}`)
    })
  })

if (values.pack !== undefined) {
  const folder = resolve(values.pack)
  mkdirSync(join(folder, 'node_modules', '@koromix'), { recursive: true })
  writeFileSync(join(folder, 'node.gz'), gzipSync(readFileSync(process.execPath), { level: 6 }))
  const platform = `${process.platform}-${process.arch}`
  for (const name of ['koffi', `@koromix/koffi-${platform}`])
    cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true })
  writeFileSync(
    join(folder, 'run.sh'),
    `#!/bin/sh
# Sets up Node and the packages that the parts need beside this working tree, then runs them.
set -e
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/${'../'.repeat(values.pack.split('/').filter((p) => p && p !== '.').length)}" && pwd)
[ -f "$here/node" ] || gunzip -c "$here/node.gz" > "$here/node"
chmod +x "$here/node"
mkdir -p "$root/node_modules/@lockstep" "$root/node_modules/@koromix"
for p in "$root"/packages/*; do ln -sfn "../../packages/$(basename "$p")" "$root/node_modules/@lockstep/$(basename "$p")"; done
cp -r "$here/node_modules/." "$root/node_modules/"
exec "$here/node" --disable-warning=ExperimentalWarning "$root/scripts/gpu-day.ts" "$@"
`,
  )
  chmodSync(join(folder, 'run.sh'), 0o755)
  console.log(`packed into ${folder}`)
} else {
  const [given] = positionals
  const seconds = Number(values.seconds)
  if (given === undefined || !(seconds >= 1)) {
    console.error('usage: node scripts/gpu-day.ts FOLDER [--seconds N], or --pack FOLDER')
    process.exit(2)
  }
  const folder = resolve(given)
  mkdirSync(folder, { recursive: true })
  const began = performance.now()
  const lines: string[] = []
  for (const [name, most, args] of PARTS) {
    const left = Math.floor(seconds - (performance.now() - began) / 1000)
    const result =
      left < 5 ? 'left out: no time was left' : await runPart(folder, name, Math.min(most, left), args)
    const line = `${name}: ${result} (${Math.round((performance.now() - began) / 1000)} s since the beginning)`
    console.log(line)
    lines.push(line)
    writeFileSync(join(folder, 'summary.txt'), `${lines.join('\n')}\n`)
  }
}
