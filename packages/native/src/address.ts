import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The package's folder, with a separator at its end. */
export const PACKAGE: string = join(import.meta.dirname, '..')

/** Where a compiled addon may lie: made on this machine, or made elsewhere and shipped. */
export const PLATFORM: string = `${process.platform}-${process.arch}`

/**
 * What the sources are compiled with. Contraction is off: `a * b + c` has two roundings unless it is written as an fma.
 * No flag names an instruction set: each function of a set says so itself, and runs only where the machine has it.
 */
export const FLAGS: readonly string[] = [
  '-std=c++17',
  '-O2',
  '-ffp-contract=off',
  '-fno-exceptions',
  '-fno-rtti',
  '-fvisibility=hidden',
  '-fPIC',
]

/** The files in which code is; the others are included by them. */
export const sources = (): string[] => globSync('cpp/*.cpp', { cwd: PACKAGE }).sort()

/**
 * The digest of everything that the addon is made of. It is compiled in, and a binary of other sources is not loaded:
 * so nobody measures or trusts the kernels of yesterday.
 */
export const address = (): string => {
  const hash = createHash('sha256')
  hash.update(FLAGS.join(' '))
  for (const file of globSync('cpp/*', { cwd: PACKAGE }).sort()) {
    const text = readFileSync(join(PACKAGE, file), 'utf8').replaceAll('\r\n', '\n')
    hash.update(`\n${file.replaceAll('\\', '/')} ${text.length}\n${text}`)
  }
  return hash.digest('hex').slice(0, 32)
}

/** Where a binary may be found, the one that was made here first. */
export const binaries = (of: string = address()): string[] => [
  join(PACKAGE, 'build', PLATFORM, `${of}.node`),
  join(PACKAGE, 'build', 'Release', 'lockstep.node'),
  join(PACKAGE, 'prebuilds', PLATFORM, 'lockstep.node'),
]
