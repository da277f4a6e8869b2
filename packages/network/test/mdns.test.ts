import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

// Multicast would reach the neighbours of whoever runs the tests, so it stays in a network namespace.
const inNamespace = (script: string) =>
  spawnSync('unshare', ['-rn', 'sh', '-c', `ip link set lo up && ${script}`], {
    encoding: 'utf8',
    timeout: 300_000,
  })
const possible = inNamespace('true').status === 0

test('peers of one machine find each other by multicast, each its own network', {
  skip: possible ? false : 'needs network namespaces',
}, () => {
  const script = new URL('mdns-process.ts', import.meta.url).pathname
  const { stdout, stderr } = inNamespace(`exec '${process.execPath}' '${script}'`)
  const outcome = JSON.parse(stdout || JSON.stringify(stderr)) as {
    met: number
    foreign: number
    refused: object
  }
  assert.equal(outcome.met, 1, stderr)
  assert.equal(outcome.foreign, 0)
})
