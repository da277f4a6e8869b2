import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const start = join(import.meta.dirname, 'start.ts')

test('the tour of the market refuses options that it does not have before it touches anything', () => {
  const cases: [args: string[], pattern: RegExp][] = [
    [['--lies', 'three'], /^--lies is three; allowed: none, one, two\.$/m],
    [['--seed', '-1'], /^--seed|seed/m],
    [['--seed', 'x'], /^--seed is x; allowed: an integer from 0 to 2147483647\.$/m],
    [['--threads', '1'], /--threads/],
    [['--fast'], /--fast/],
  ]
  for (const [args, pattern] of cases) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [start, ...args], { encoding: 'utf8' })
    assert.equal(status, 2, args.join(' '))
    assert.equal(stdout, '')
    assert.match(stderr, pattern)
  }
})
