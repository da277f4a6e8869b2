import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { executorProbe } from '../../src/executors/probe.ts'
import { languageJob, lineJob, type VerifiedJob, verifiedJob } from './verified-job.ts'

const nightly = process.env.LOCKSTEP_NIGHTLY !== undefined

/** What a browser brings along is as good as a driver of one's own: processes that ask for devices look there, too. */
const CHROMIUM = '/usr/lib/chromium'
if (process.env.VK_ICD_FILENAMES === undefined && existsSync(join(CHROMIUM, 'vk_swiftshader_icd.json'))) {
  process.env.VK_ICD_FILENAMES = join(CHROMIUM, 'vk_swiftshader_icd.json')
  process.env.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, CHROMIUM]
    .filter((p) => p !== undefined)
    .join(':')
}

const isVerified = ({ slices, claimed, computed, provided, audited, slashed }: VerifiedJob): void => {
  assert.deepEqual(slices, ['settled'])
  assert.equal(claimed, computed, 'the claim on the chain is what WebAssembly computes')
  assert.ok(provided > 0n && audited > 0n)
  assert.equal(slashed, 0n)
}

test('a job whose provider runs PTX kernels is verified by WebAssembly, bit for bit, settled and paid', {
  timeout: 300_000,
}, async () => {
  const module = join(import.meta.dirname, 'interpreted-executor.ts')
  const job = await verifiedJob({
    ...{ plan: lineJob(6, 2), provider: { executor: { module } } },
    signal: AbortSignal.timeout(240_000),
  })
  isVerified(job)
})

test('a job whose provider computes on WebGPU is verified by WebAssembly, bit for bit, settled and paid', {
  timeout: 1_200_000,
}, async (t) => {
  const { found, missing } = await executorProbe.list()
  if (!found.some(({ id }) => id === 'webgpu:0'))
    return t.skip(missing.find(({ kind }) => kind === 'webgpu')?.why ?? 'there is no adapter')
  const plan = nightly
    ? languageJob({ layers: 1, width: 8, heads: 1, context: 8 }, { batch: 1, steps: 4, warmup: 1 }, 2, 1200)
    : lineJob(6, 2)
  const caps = { memory: '2 GiB' }
  const job = await verifiedJob({
    ...{ plan, provider: { computes: 'webgpu:0', caps } },
    signal: AbortSignal.timeout(1_100_000),
  })
  isVerified(job)
  assert.match(job.log, /webgpu:0 \(.*\) conforms in \d+ cases/)
  assert.match(job.log, /computes on webgpu:0/)
  assert.doesNotMatch(job.log, /failed|never used/)
  t.diagnostic(`${job.seconds.toFixed(0)} s from the post to the end`)
})
