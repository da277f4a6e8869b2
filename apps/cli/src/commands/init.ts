import { open } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { badInput } from '../cli-error.ts'
import { parseManifest } from '../manifest/parse.ts'
import { defaultManifest, manifestTemplate } from '../manifest/template.ts'
import type { Terminal } from '../terminal.ts'

export type InitOptions = { readonly text?: string; readonly name?: string }

/** Writes a manifest with every field at its default. A file that is there stays as it is. */
export const initCommand = async (path: string, options: InitOptions, terminal: Terminal): Promise<void> => {
  const text = options.text ?? 'text.txt'
  const name = options.name ?? nameFrom(path)
  const manifest = defaultManifest('name', text)
  const template = manifestTemplate({ ...manifest, name }, extname(path) === '.json' ? 'json' : 'yaml')
  parseManifest(new TextEncoder().encode(template)) // refuses a name or a text that train would refuse
  const file = await open(path, 'wx').catch((error) => {
    if (error.code !== 'EEXIST') throw Object.assign(error, { path })
    throw badInput(
      'file-exists',
      path,
      'there already',
      'a new file',
      'Name another file, or remove this one.',
    )
  })
  try {
    await file.writeFile(template)
  } finally {
    await file.close()
  }
  terminal.say(`Wrote ${path}. Next: lockstep validate ${path}`)
  terminal.result({ manifest: path, name, text })
}

const nameFrom = (path: string): string =>
  basename(path, extname(path))
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '') || 'my-model'
