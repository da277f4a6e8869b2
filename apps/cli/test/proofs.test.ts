import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { asCliError } from '../src/cli-error.ts'
import { decodeProof } from '../src/run/segment-proof.ts'
import { inProcess, jsonOf, tiny, workplace } from './lockstep.ts'

let home: string
let root: string
before(async () => {
  home = await workplace()
  process.chdir(home)
  const trained = await inProcess('train', 'tiny.yaml', '--json')
  assert.equal(trained.code, 0, trained.stderr)
  root = jsonOf(trained).root
})
after(async () => {
  process.chdir(tmpdir())
  await rm(home, { recursive: true, force: true })
})

test('a proof of a run names its claim and the model that it ended with, and no other', async () => {
  assert.equal((await inProcess('export-proof', 'runs/tiny')).code, 0)
  const check = (...args: string[]) => inProcess('check-proof', 'runs/tiny/run.proof', ...args)
  const right = await check('--root', root, '--model', 'runs/tiny/model.safetensors')
  assert.equal(right.code, 0, right.stderr)
  assert.match(right.stdout, /^Consistent: .*\n.*model\.safetensors is what that claim ends with/)
  assert.equal((await check('--root', `0x${'12'.repeat(32)}`)).code, 1)
  await writeFile(
    'other.yaml',
    tiny('other', (text) => text.replace('steps: 12', 'steps: 11')),
  )
  assert.equal((await inProcess('train', 'other.yaml')).code, 0)
  const other = await check('--model', 'runs/other/model.safetensors')
  assert.equal(other.code, 1)
  assert.match(other.stdout, /^DIFFERENT: token\.embedding of runs\/other\/model\.safetensors/)
})

test('a proof of a segment is executed again by who has nothing else; a changed one differs', async () => {
  for (const segment of [0, 1, 2]) {
    const path = `segment-${segment}.proof`
    const made = await inProcess('export-proof', 'runs/tiny', '--segment', String(segment), '--out', path)
    assert.equal(made.code, 0, made.stderr)
    const right = await inProcess('check-proof', path, '--root', root)
    assert.equal(right.code, 0, right.stdout)
    assert.match(
      right.stdout,
      new RegExp(`^Equal: segment ${segment}, steps ${4 * segment} to ${4 * segment + 3}`),
    )
    assert.equal((await inProcess('check-proof', path, '--root', `0x${'12'.repeat(32)}`)).code, 1)
    const bytes = await readFile(path)
    await writeFile('changed.proof', bytes.with(bytes.length - 40_000, bytes.at(-40_000)! ^ 1))
    assert.equal((await inProcess('check-proof', 'changed.proof', '--root', root)).code, 1)
    await writeFile('cut.proof', bytes.subarray(0, bytes.length - 7))
    assert.equal((await inProcess('check-proof', 'cut.proof')).code, 2)
    const model = await inProcess('check-proof', path, '--model', 'runs/tiny/model.safetensors')
    assert.equal(model.code, 2)
    assert.match(model.stderr, /--model is .*; allowed: with a proof of a whole run/)
  }
  const none = await inProcess('export-proof', 'runs/tiny', '--segment', '3')
  assert.match(none.stderr, /--segment is 3; allowed: 0 to 2/)
})

test('no bytes make the decoder of proofs do anything but accept or refuse', async () => {
  const valid = await readFile('segment-1.proof')
  const header = valid.readUInt32LE(0) + 8
  const mutated = fc
    .tuple(fc.nat(header), fc.nat(6), fc.uint8Array({ maxLength: 6 }))
    .map(([at, drop, insert]) => Buffer.concat([valid.subarray(0, at), insert, valid.subarray(at + drop)]))
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 64 })), (bytes) => {
      try {
        decodeProof(bytes)
      } catch (error) {
        assert.ok(asCliError(error), String(error))
      }
    }),
    { numRuns: 200 },
  )
})
