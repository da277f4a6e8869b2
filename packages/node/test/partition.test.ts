import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { atTheSwitch, openMachines } from '../../network/test/machines.ts'

/**
 * Nodes on machines of their own, of which one after another is cut off: neither peers nor the chain can be reached, and
 * no socket is told. What is tested is in partition/at-the-switch.ts, a process around which the network is its own.
 */
const cutOff = async (t: { diagnostic: (text: string) => void }, seconds: number, tests: string) => {
  const program = join(import.meta.dirname, 'partition', 'at-the-switch.ts')
  const args = ['--disable-warning=ExperimentalWarning', `--test-name-pattern=${tests}`, program]
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(...atTheSwitch(process.execPath, args), {
    env: { ...env, LOCKSTEP_CUT_SECONDS: String(seconds) },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const said: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text) => said.push(text))
  child.stderr.setEncoding('utf8').on('data', (text) => said.push(text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  const text = said.join('')
  assert.equal(code, 0, text)
  for (const [, line] of text.matchAll(/^ℹ (cut off .*)$/gm)) t.diagnostic(line!)
}

const machines = await openMachines(1)
const why = typeof machines === 'string' ? machines : false
if (typeof machines !== 'string') await machines.close()

/** A quarter of an hour of waiting for each: by night, or when somebody asks for it. */
const isAsked = process.env.LOCKSTEP_NIGHTLY !== undefined || process.env.LOCKSTEP_PARTITIONS !== undefined
const skip = why || (isAsked ? false : 'by night, or with LOCKSTEP_PARTITIONS=1')
const seconds = Number(process.env.LOCKSTEP_CUT_SECONDS ?? 60)

test('whoever is cut off for a minute on the way of a job, it settles', { timeout: 3_000_000, skip }, (t) =>
  cutOff(t, seconds, 'honest'),
)

test('whoever is cut off for a minute in a dispute, the liar falls', { timeout: 3_000_000, skip }, (t) =>
  cutOff(t, seconds, 'liar'),
)
