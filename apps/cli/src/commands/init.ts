import { open } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { LOCAL_MARKET, manifestTemplate, parseManifest } from '@lockstep/client/plan'
import { parse as parseValue, stringify } from 'yaml'
import { badInput } from '../cli-error.ts'
import { makeDirectory } from '../run/make-directory.ts'
import type { Terminal } from '../terminal.ts'

export type InitOptions = {
  readonly text?: string
  readonly name?: string
  /** Fields with other values than the defaults, such as `training.steps=300`. */
  readonly set?: readonly string[]
  /** With the terms of a job for a local network. */
  readonly local?: boolean
}

/** Writes a manifest with every field at its default. A file that is there stays as it is. */
export const initCommand = async (path: string, options: InitOptions, terminal: Terminal): Promise<void> => {
  const text = options.text ?? 'text.txt'
  const name = options.name ?? nameFrom(path)
  const fields: Fields = {
    name,
    data: { text },
    ...(options.local && { market: LOCAL_MARKET }),
  }
  for (const setting of options.set ?? []) setField(fields, setting)
  const manifest = parseManifest(new TextEncoder().encode(stringify(fields)))
  const template = manifestTemplate(manifest, extname(path) === '.json' ? 'json' : 'yaml')
  await makeDirectory(dirname(path))
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
  terminal.say(`Wrote ${path}. Next: lockstep ${manifest.market ? 'post' : 'validate'} ${path}`)
  terminal.result({ manifest: path, name, text })
}

const nameFrom = (path: string): string =>
  basename(path, extname(path))
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '') || 'my-model'

type Fields = { [field: string]: unknown }

/** Changes one field; whether there is such a field, and whether the value is allowed, the schema says. */
const setField = (fields: Fields, setting: string): void => {
  const match = /^([a-zA-Z0-9]+(?:\.[a-zA-Z0-9]+){0,3})=(.*)$/.exec(setting)
  if (!match)
    throw badInput('option-invalid', '--set', setting, 'field=value', 'Such as --set training.steps=300.')
  const names = match[1]!.split('.')
  const last = names.pop()!
  let at = fields
  for (const name of names) {
    const before = at[name]
    const copy: Fields = typeof before === 'object' && before !== null ? { ...before } : {}
    at[name] = copy
    at = copy
  }
  at[last] = parseSetting(setting, match[2]!)
}

const parseSetting = (setting: string, text: string): unknown => {
  try {
    return parseValue(text)
  } catch {
    throw badInput('option-invalid', '--set', setting, 'field=value', 'Give a number or a word as the value.')
  }
}
