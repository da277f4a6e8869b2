import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, count, createTerminal, seconds } from './terminal.ts'

const stream = (isTTY = false) => {
  const written: string[] = []
  return { written, isTTY, columns: 80, write: (text: string) => written.push(text) }
}
const terminal = (json: boolean, isTTY: boolean, now: () => number = () => 0) => {
  const [stdout, stderr] = [stream(), stream(isTTY)]
  return { stdout, stderr, ...createTerminal({ json, stdout, stderr, now }) }
}

test('text goes to stdout without --json, and one object a result with it', () => {
  const plain = terminal(false, false)
  plain.say('hello')
  plain.result({ a: 1 })
  assert.deepEqual(plain.stdout.written, ['hello\n'])
  const json = terminal(true, false)
  json.say('hello')
  json.result({ a: 1 })
  assert.deepEqual(json.stdout.written, ['{"a":1}\n'])
})

test('progress is a bar on a terminal and a line for every tenth elsewhere, never on stdout', () => {
  for (const isTTY of [true, false]) {
    let time = 0
    const { stdout, stderr, progress } = terminal(false, isTTY, () => time)
    const shown = progress('train', 200)
    for (let step = 1; step <= 200; step++) {
      time += 10
      shown.update(step, 'loss 1.000')
    }
    shown.end()
    assert.deepEqual(stdout.written, [])
    const text = stderr.written.join('')
    if (isTTY) {
      assert.match(text, /\[#{24}\] 200\/200/)
      assert.ok(stderr.written.length < 30)
      assert.equal(stderr.written.at(-1), '\r\x1b[2K')
    } else {
      assert.equal(text.split('\n').length, 11)
      assert.match(text, /^train 20\/200 1\.8 s left loss 1\.000$/m)
      assert.ok(!text.includes('\x1b'))
    }
  }
})

test('quantities are short', () => {
  assert.deepEqual(
    [seconds(500), seconds(59_000), seconds(600_000), seconds(7.2e6)],
    ['0.5 s', '59 s', '10 min', '2.0 h'],
  )
  assert.deepEqual([bytes(10), bytes(2048), bytes(5 * 2 ** 30)], ['10 bytes', '2.00 KiB', '5.00 GiB'])
  assert.deepEqual([count(7), count(834_304), count(4.4e9)], ['7', '834 thousand', '4.40 billion'])
})
