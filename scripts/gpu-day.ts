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
import {
  chmodSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { serialize } from 'node:v8'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { scriptArguments } from './arguments.ts'

const root = resolve(import.meta.dirname, '..')
const { values, positionals } = scriptArguments({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '570' }, pack: { type: 'string' } },
})

/** [name, seconds at most, script and arguments] */
const PARTS: readonly (readonly [string, number, readonly string[]])[] = [
  ['conformance', 120, ['scripts/executor-digests.ts', 'cuda', '--programs', '20', '--json']],
  ['verified-job', 150, ['scripts/gpu-job.ts', '--executor', 'cuda:0', '--seconds', '140', '--json']],
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

const UNPACK = `import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { deserialize } from 'node:v8'
import { brotliDecompressSync } from 'node:zlib'
const [from, root] = process.argv.slice(2)
for (const [path, bytes, mode] of deserialize(brotliDecompressSync(readFileSync(from)))) {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
  chmodSync(file, mode)
}
`
const packed = (bytes: Uint8Array): Buffer => {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants
  const params = {
    [BROTLI_PARAM_QUALITY]: 7,
    [BROTLI_PARAM_LGWIN]: 24,
    [BROTLI_PARAM_SIZE_HINT]: bytes.length,
  }
  return brotliCompressSync(bytes, { params })
}

/** What a node with a local chain needs at run time, and what that needs: folders seen from the root. */
const packagesOf = (): readonly string[] => {
  const found = new Set<string>()
  const visit = (folder: string, isOurs: boolean): void => {
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
      readFileSync(join(root, folder, 'package.json'), 'utf8'),
    )
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (isOurs && name.startsWith('@lockstep/')) continue
      if (name.startsWith('@types/') || name.includes('/forge-')) continue
      for (let from = folder; ; from = join(from, '..')) {
        const at = join(from, 'node_modules', name)
        const isHere = existsSync(join(root, at, 'package.json'))
        if (isHere && !found.has(at)) {
          found.add(at)
          visit(at, false)
        }
        if (isHere || from === '.') break
      }
    }
  }
  for (const name of readdirSync(join(root, 'packages'))) visit(join('packages', name), true)
  return [...found]
}
/** Their files with their modes, without what only people and compilers read. */
const filesOf = (folders: readonly string[]): (readonly [string, Uint8Array, number])[] =>
  folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      .filter((path) => !/\.([cm]?ts|map|md)$|\/(_cjs|_types)\//.test(path))
      .filter((path) => !relative(folder, path).includes('node_modules'))
      .map((path) => [path, readFileSync(join(root, path)), statSync(join(root, path)).mode] as const),
  )

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
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'node.gz'), gzipSync(readFileSync(process.execPath), { level: 6 }))
  writeFileSync(join(folder, 'packages.br'), packed(serialize(filesOf(packagesOf()))))
  writeFileSync(join(folder, 'unpack.mjs'), UNPACK)
  writeFileSync(
    join(folder, 'run.sh'),
    `#!/bin/sh
# Sets up Node and the packages that the parts need beside this working tree, then runs them.
set -e
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/${'../'.repeat(values.pack.split('/').filter((p) => p && p !== '.').length)}" && pwd)
[ -f "$here/node" ] || gunzip -c "$here/node.gz" > "$here/node"
chmod +x "$here/node"
mkdir -p "$root/node_modules/@lockstep"
for p in "$root"/packages/*; do ln -sfn "../../packages/$(basename "$p")" "$root/node_modules/@lockstep/$(basename "$p")"; done
PATH=$here:$PATH; export PATH
node "$here/unpack.mjs" "$here/packages.br" "$root"
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
