import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import fc from 'fast-check'
import { z } from 'zod'
import { decodeMessage, encodeMessage } from './message.ts'

const schema = z.strictObject({ job: z.int().min(1), note: z.string().max(20) })

test('what fits comes back as it was', () => {
  const message = { job: 3, note: 'größer' }
  assert.deepEqual(unwrap(decodeMessage(unwrap(encodeMessage(message, 100)), schema)), message)
})

test('whatever bytes come in, the outcome is a message or a fault that names the place', () => {
  const before = process.memoryUsage().heapUsed
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.json().map((s) => new TextEncoder().encode(s)),
      ),
      (bytes) => {
        const decoded = decodeMessage(bytes, schema)
        if (!decoded.ok) assert.equal(decoded.fault.code, 'message-malformed')
      },
    ),
  )
  const deep = new TextEncoder().encode('['.repeat(100_000))
  assert.ok(!decodeMessage(deep, schema).ok)
  const wrong = decodeMessage(new TextEncoder().encode('{"job":0,"note":""}'), schema)
  assert.ok(!wrong.ok && wrong.fault.field === 'message.job')
  assert.ok(process.memoryUsage().heapUsed - before < 64 << 20)
})

test('a message that is too long is not sent', () => {
  const encoded = encodeMessage({ note: 'x'.repeat(100) }, 100)
  assert.ok(!encoded.ok && encoded.fault.code === 'message-oversize')
})
