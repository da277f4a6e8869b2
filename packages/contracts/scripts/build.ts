/**
 * Compiles the contracts and writes what TypeScript needs of them, so that nobody who only runs Lockstep needs a
 * compiler: node packages/contracts/scripts/build.ts [--check]
 *
 *   src/generated/NAME.ts    ABI (typed for viem) and bytecode of every deployable contract and interface of sol/
 *   test/generated/NAME.ts   the same of the harness contracts under test/
 *   abi/NAME.txt             the ABI for people: a changed signature is one changed line
 *
 * `--check` writes nothing and fails where the committed files differ.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Abi, formatAbi } from 'abitype'
import { contractsRoot, forge } from './forge.ts'

type Artifact = {
  readonly abi: Abi
  readonly bytecode: { readonly object: string }
  readonly deployedBytecode: { readonly object: string }
}

/** EIP-170: more than this cannot be deployed. */
const CODE_LIMIT = 24_576

const at = (...path: string[]) => join(contractsRoot, ...path)
const check = process.argv.includes('--check')

const solidityFiles = (folder: string, ending: string): string[] =>
  readdirSync(at(folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .sort()

const binding = (name: string, { abi, bytecode }: Artifact): string =>
  [
    '// Written by scripts/build.ts. Do not edit.',
    '',
    `export const ${name} = {`,
    '  abi: [',
    ...abi.map((entry) => `    ${JSON.stringify(entry)},`),
    '  ],',
    ...(bytecode.object === '0x' ? [] : [`  bytecode: '${bytecode.object}',`]),
    '} as const',
    '',
  ].join('\n')

/** What should be on disk: path below packages/contracts, then content. */
const files = new Map<string, string>()

const bind = (sources: readonly string[], target: string, withAbi: boolean): void => {
  for (const source of sources) {
    const folder = at('out', basename(source))
    for (const file of readdirSync(folder).sort()) {
      const name = basename(file, '.json')
      if (name.includes('.')) continue // what another compiler profile makes of the same contract
      // An interface of a contract that is bound itself: other contracts need it, TypeScript does not.
      if (name.startsWith('I') && sources.includes(`${name.slice(1)}.sol`)) continue
      const artifact = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Artifact
      if (artifact.abi.every((entry) => entry.type === 'error' || entry.type === 'event')) continue // a library
      if (artifact.bytecode.object === '0x' && !/^I[A-Z]/.test(name)) continue // abstract
      const size = (artifact.deployedBytecode.object.length - 2) / 2
      if (size > CODE_LIMIT) throw new Error(`${name} has ${size} bytes of code, more than ${CODE_LIMIT}`)
      const path = `${target}/${name}.ts`
      if (files.has(path)) throw new Error(`two contracts are named ${name}: rename one`)
      files.set(path, binding(name, artifact))
      if (withAbi) files.set(`abi/${name}.txt`, `${formatAbi(artifact.abi).join('\n')}\n`)
    }
  }
  const names = [...files.keys()].filter((path) => path.startsWith(`${target}/`))
  const exports = names.map((path) => `export * from './${basename(path)}'`)
  files.set(`${target}/index.ts`, `// Written by scripts/build.ts. Do not edit.\n\n${exports.join('\n')}\n`)
}

// Old artifacts of renamed contracts would be bound too; a check is only as quick as what has changed.
if (!check) rmSync(at('out'), { recursive: true, force: true })
if ((await forge(check ? ['fmt', '--check', 'sol', 'test'] : ['fmt', 'sol', 'test'])) !== 0) {
  throw new Error('the Solidity sources are not formatted: run node packages/contracts/scripts/build.ts')
}
if ((await forge(['build', ...(check ? [] : ['--force']), '--quiet'])) !== 0)
  throw new Error('the contracts do not compile')
bind(solidityFiles('sol', '.sol'), 'src/generated', true)
bind(
  solidityFiles('test', 'Harness.sol').filter((file) => !file.startsWith('I')),
  'test/generated',
  false,
)

const generatedFolders = ['abi', 'src/generated', 'test/generated']
for (const folder of generatedFolders) mkdirSync(at(folder), { recursive: true })
const stale = generatedFolders
  .flatMap((folder) => readdirSync(at(folder)).map((file) => `${folder}/${file}`))
  .filter((path) => !files.has(path))

const differs = (path: string, content: string): boolean => {
  try {
    return readFileSync(at(path), 'utf8') !== content
  } catch {
    return true
  }
}
const changed = [...files].filter(([path, content]) => differs(path, content)).map(([path]) => path)
if (check) {
  if (changed.length + stale.length > 0) {
    throw new Error(
      `not what the contracts give: ${[...changed, ...stale].join(', ')}; run the build without --check`,
    )
  }
} else {
  for (const path of stale) rmSync(at(path))
  for (const path of changed) writeFileSync(at(path), files.get(path)!)
  console.log(`${files.size} files, ${changed.length} changed, ${stale.length} removed`)
}
