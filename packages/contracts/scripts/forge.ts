import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFoundryBinary, missingBinary } from '../src/foundry-binary.ts'

export const contractsRoot = fileURLToPath(new URL('..', import.meta.url))

/** Where npm has put OpenZeppelin. A relative path would not do: it leads out of this folder, which forge names otherwise. */
const openZeppelin = dirname(
  dirname(createRequire(import.meta.url).resolve('@openzeppelin/contracts/package.json')),
)

/** Runs forge in packages/contracts and returns its exit code; what it prints goes where this process prints. */
export const forge = (args: readonly string[]): Promise<number> => {
  const binary = findFoundryBinary('forge')
  if (binary === undefined) throw new Error(missingBinary('forge'))
  // forge starts the compiler as a script of `node`: it must be this one.
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, {
      cwd: contractsRoot,
      stdio: 'inherit',
      env: {
        ...process.env,
        PATH,
        FOUNDRY_DISABLE_NIGHTLY_WARNING: '1',
        FOUNDRY_REMAPPINGS: `@openzeppelin/=${openZeppelin}/`,
      },
    })
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}
