import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')

test('a command ends with the code of what it ran, and with 128 and the signal where that was killed', async (t) => {
  if (process.platform === 'win32') return t.skip('has no signals')
  if (!existsSync(join(root, 'node_modules', '.lockstep-lock'))) return t.skip('not started by npm')
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-first-use-'))
  try {
    for (const [source, code] of [
      ['process.exit(3)', 3],
      ["process.kill(process.pid, 'SIGKILL')", 137],
    ] as const) {
      const file = join(directory, 'ends.mjs')
      await writeFile(file, source)
      const args = [join(root, 'scripts', 'first-use.mjs'), relative(root, file)]
      assert.equal(spawnSync(process.execPath, args).status, code, source)
    }
  } finally {
    await rm(directory, { recursive: true })
  }
})
