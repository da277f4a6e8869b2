// Runs a TypeScript file of this repository on the pinned Node, installing the dependencies when they are missing
// or out of date. Plain JavaScript on purpose: it is what an older Node can run.
//   node scripts/first-use.mjs FILE [ARGUMENT ...]
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const OLDEST = 20 // to start with; TypeScript itself runs on the pinned Node
const RUNS_TYPESCRIPT = 24

const stop = (message) => {
  process.stderr.write(`${message}\n`)
  process.exit(3) // the surroundings, as README.md lists it
}

const major = Number(process.versions.node.split('.')[0])
if (major < OLDEST)
  stop(`Node ${process.versions.node} is too old: Lockstep starts on Node ${OLDEST} or newer.`)

install()
const node = pinnedNode()
const [file, ...rest] = process.argv.slice(2)
if (!file) stop('Usage: node scripts/first-use.mjs FILE [ARGUMENT ...]')

const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(root, file), ...rest], {
  stdio: 'inherit',
  env: { ...process.env, PATH: path },
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => stop(`Cannot run ${node}: ${error.message}`))
// As shells say it: a process that was killed has not found a difference, which is what 1 means.
child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code))

function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const stamp = join(root, 'node_modules', '.lockstep-lock')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  process.stderr.write('Installing dependencies (first use, or the lock file changed) ...\n')
  const npm = process.env.npm_execpath
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const options = { cwd: root, stdio: ['ignore', 2, 2], env: process.env }
  const result =
    npm && /\.c?js$/.test(npm)
      ? spawnSync(process.execPath, [npm, ...args], options)
      : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
  if (result.error?.code === 'ENOENT') stop('npm is not on the PATH: install npm 9 or newer and try again.')
  if (result.status !== 0)
    stop('npm ci failed (see above). A package registry must be reachable on first use.')
  writeFileSync(stamp, lock)
}

function pinnedNode() {
  const { platform, arch } = process
  const name = platform === 'win32' ? `node-win-${arch}` : `node-${platform}-${arch}`
  const exe = platform === 'win32' ? 'node.exe' : 'node'
  for (const p of [name, `node-bin-${platform}-${arch}`]) {
    const binary = join(root, 'node_modules', p, 'bin', exe)
    if (existsSync(binary)) return binary
  }
  if (major >= RUNS_TYPESCRIPT) return process.execPath
  return stop(`No pinned Node for ${platform}-${arch} is installed; use Node ${RUNS_TYPESCRIPT} or newer.`)
}
