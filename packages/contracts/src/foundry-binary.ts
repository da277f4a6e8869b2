import { accessSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'

export type FoundryTool = 'anvil' | 'forge'

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

const executable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Where a tool's binary lies: in its npm platform package (pinned by the lock file), else on PATH.
 * The platform package is found directly, so no install script has to run. Undefined where there is neither.
 */
export const findFoundryBinary = (tool: FoundryTool): string | undefined => {
  const file = process.platform === 'win32' ? `${tool}.exe` : tool
  const architecture = ARCHITECTURES[process.arch] ?? process.arch
  try {
    const manifest = createRequire(import.meta.url).resolve(
      `@foundry-rs/${tool}-${process.platform}-${architecture}/package.json`,
    )
    const path = join(dirname(manifest), 'bin', file)
    if (executable(path)) return path
  } catch {
    // Not every platform has a package: then PATH decides.
  }
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, file))
    .find(executable)
}

/** What to tell a person whose machine lacks the tool. */
export const missingBinary = (tool: FoundryTool): string =>
  `no ${tool} for ${process.platform}-${process.arch}: run npm ci, or install Foundry 1.7.1 so that ${tool} is on PATH`
