import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Probe } from '@lockstep/node'
import { type DeviceReport, devicesCommand } from '../src/commands/devices.ts'
import { createTerminal } from '../src/terminal.ts'
import { inProcess, jsonOf } from './lockstep.ts'

test('devices lists every executor: what conforms has a speed, what is not here says why', async () => {
  const told = await inProcess('devices', '--threads', '1', '--json')
  const { devices, missing } = jsonOf(told) as {
    devices: DeviceReport[]
    missing: { kind: string; why: string }[]
  }
  const wasm = devices.find(({ executor }) => executor === 'wasm')
  assert.ok(wasm?.conforms && wasm.name === 'WebAssembly' && wasm.memory > 0 && wasm.driver.startsWith('V8'))
  const kinds = new Set([
    ...devices.map(({ executor }) => executor.split(':')[0]),
    ...missing.map((m) => m.kind),
  ])
  assert.deepEqual([...kinds].sort(), ['cuda', 'native', 'wasm', 'webgpu'])
  for (const { why } of missing) assert.ok(why.length > 10)
  for (const { conforms, cases, digest, multiplyAdds, bytesPerSecond, why } of devices) {
    assert.ok(conforms, why)
    assert.ok(cases >= 10 && multiplyAdds! > 0 && bytesPerSecond! > 0)
    assert.equal(digest, wasm.digest)
  }
  assert.equal(told.code, 0)
})

test('a device that does not conform is named with the case, and makes the command fail', async () => {
  const card = { driver: 'CUDA 13.0', memory: 2 ** 33, software: false }
  const probe: Probe = {
    list: async () => ({
      found: [
        { id: 'cuda:0', name: 'good', ...card },
        { id: 'cuda:1', name: 'bad', ...card },
      ],
      missing: [{ kind: 'webgpu', why: 'nothing is installed' }],
    }),
    prove: async (id) =>
      id === 'cuda:0'
        ? { conforms: true, cases: 9, digest: 'ab'.repeat(32), multiplyAdds: 2.5e13, bytesPerSecond: 3e12 }
        : { conforms: false, cases: 4, digest: 'cd'.repeat(32), why: 'product 2 gives x, not y' },
  }
  let said = ''
  const stdout = {
    write: (text: string): void => {
      said += text
    },
  }
  const terminal = createTerminal({ json: false, stdout, stderr: { write: () => {} }, now: () => 0 })
  assert.equal(await devicesCommand({ threads: 1 }, terminal, probe), false)
  assert.match(said, /cuda:0 +good \(CUDA 13\.0\), 8\.00 GiB/)
  assert.match(said, /conforms: 9 cases, digest abababababababab/)
  assert.match(said, /25\.0 trillion multiply-adds a second, 3\.00 trillion bytes a second elementwise/)
  assert.match(said, /DOES NOT CONFORM, and is never used: product 2 gives x, not y/)
  assert.match(said, /webgpu +not here: nothing is installed/)
})
