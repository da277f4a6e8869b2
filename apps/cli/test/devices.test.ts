import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeviceReport } from '../src/commands/devices.ts'
import { inProcess, jsonOf } from './lockstep.ts'

test('devices lists every executor: what conforms has a speed, what is not here says why', async () => {
  const args = ['devices', '--threads', '1', '--cases', '20', '--size', '32']
  const told = await inProcess(...args, '--json')
  const { devices } = jsonOf(told) as { devices: DeviceReport[] }
  assert.equal(devices.length, 3)
  assert.match(devices[0]!.executor, /^wasm 1/)
  assert.equal(devices[0]!.conforms, true)
  for (const { conforms, cases, flops, why } of devices) {
    if (conforms) assert.ok(cases > 1000 && flops! > 0)
    else assert.ok(cases === 0 && why !== undefined, why) // one that differs fails here
  }
  assert.equal(told.code, 0)
})
