import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const solo = join(import.meta.dirname, 'solo.ts')

test('the tour of one machine refuses options that it does not have before it touches anything', () => {
  const cases: [args: string[], pattern: RegExp][] = [
    [['--lies', 'three'], /^--lies is three; allowed: none, one, two\.$/m],
    [['--seed', '-1'], /^--seed|seed/m],
    [['--seed', 'x'], /^--seed is x; allowed: an integer from 0 to 2147483647\.$/m],
    [['--threads', '0'], /^--threads is 0; allowed: an integer from 1 to 64\.$/m],
    [['--fast'], /--fast/],
  ]
  for (const [args, pattern] of cases) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [solo, ...args], { encoding: 'utf8' })
    assert.equal(status, 2, args.join(' '))
    assert.equal(stdout, '')
    assert.match(stderr, pattern)
  }
})
