#!/usr/bin/env node
// The command `lockstep`: main.ts on the Node that started this, or on the pinned one where that is too old.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const main = new URL('../src/main.ts', import.meta.url)
if (Number(process.versions.node.split('.')[0]) >= 24) await import(main.href)
else {
  const firstUse = fileURLToPath(new URL('../../../scripts/first-use.mjs', import.meta.url))
  const args = [firstUse, 'apps/cli/src/main.ts', ...process.argv.slice(2)]
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code))
}
