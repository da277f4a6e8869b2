import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { address, binaries } from '../src/address.ts'
import { compile } from '../src/build.ts'
import { buildNative, findNative, loadNative } from '../src/index.ts'
import { native, skip } from './built.ts'

test('where there is no addon, one plain line says why, and nothing throws', () => {
  const found = findNative()
  if ('why' in found) assert.match(found.why, /^the native addon [^\n]+$/)
  else assert.equal(loadNative(), found.native)
})

test('a compiler that is not there, or that refuses, is one plain line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-native-'))
  const file = join(folder, 'lockstep.node')
  assert.deepEqual(compile('no-such-compiler', [], 'x', file), {
    why: 'there is no C++ compiler no-such-compiler; install one, or name it in CXX',
  })
  const refused = compile(process.execPath, [], 'x', file)
  assert.ok('why' in refused)
  assert.match(refused.why, /^[^\n]+ failed: [^\n]+$/)
  assert.equal(existsSync(file), false)
  rmSync(folder, { recursive: true })
})

test('a build lies at the address of its sources, and is made once', { skip }, () => {
  assert.equal(native!.address, address())
  assert.deepEqual(buildNative(), { file: binaries()[0], fresh: false })
})

test('every thread loads the addon for itself', { skip }, async () => {
  const url = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
  const code = `
    import { parentPort } from 'node:worker_threads'
    const { loadNative } = await import(${url})
    const digest = new Uint8Array(32)
    const native = loadNative()
    native.root(native.hashes[0].kernel, new Uint8Array(1000), digest)
    parentPort.postMessage(digest)`
  const digests = await Promise.all(
    [1, 2, 3].map(
      () =>
        new Promise<Uint8Array>((resolve, reject) => {
          const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`))
          worker.once('message', resolve)
          worker.once('error', reject)
        }),
    ),
  )
  const expected = new Uint8Array(32)
  native!.root(native!.hashes[0]!.kernel, new Uint8Array(1000), expected)
  for (const digest of digests) assert.deepEqual(digest, expected)
})
