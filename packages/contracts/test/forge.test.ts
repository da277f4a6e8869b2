import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

// Both compile into the same folder, so they stay in one file, one after the other.

const run = (script: string, ...args: string[]) => {
  const path = fileURLToPath(new URL(`../scripts/${script}`, import.meta.url))
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    // The invariants' longer searches.
    env: process.env.LOCKSTEP_NIGHTLY === '1' ? { ...process.env, FOUNDRY_PROFILE: 'nightly' } : process.env,
  })
  return { status, output: stdout + stderr }
}

test('the committed bindings are what the contracts give', () => {
  const { status, output } = run('build.ts', '--check')
  assert.equal(status, 0, output)
})

test('the Solidity tests pass and their gas figures are the committed ones', () => {
  const { status, output } = run('forge-test.ts')
  assert.equal(status, 0, output)
  assert.match(output, / [1-9]\d* tests passed, 0 failed/)
})
