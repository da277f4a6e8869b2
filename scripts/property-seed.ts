import { readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

/**
 * Loaded before every test file (`--import`): gives property tests the seed in LOCKSTEP_SEED, so that an ordinary run
 * tries the same cases everywhere and a failure is not a matter of luck. Files without properties load nothing more.
 */
const { LOCKSTEP_SEED } = process.env
const file = process.argv[1]
if (LOCKSTEP_SEED !== undefined && isMainThread && file !== undefined && usesProperties(file)) {
  const { default: fc } = await import('fast-check')
  fc.configureGlobal({ seed: Number(LOCKSTEP_SEED) })
}

function usesProperties(path: string): boolean {
  return path.endsWith('.test.ts') && readFileSync(path, 'utf8').includes("from 'fast-check'")
}
