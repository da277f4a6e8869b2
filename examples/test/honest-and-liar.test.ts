import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

test('the first example runs as it stands: two honest claims are equal, and the liar loses', async () => {
  const example = join(import.meta.dirname, '..', 'honest-and-liar.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [example])
  const [honest, lie, end] = stdout.trim().split('\n')
  const [, one, two] = /^honest claims\s+(0x[0-9a-f]{64}) (0x[0-9a-f]{64})$/.exec(honest!)!
  assert.equal(one, two)
  assert.match(lie!, /^the lie claims 0x[0-9a-f]{64}$/)
  assert.ok(!lie!.includes(one!))
  assert.match(end!, /^segment 0, step 0, node \d+, element \d+: the challenger wins$/)
})
