import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inOwnWords, type Kind, type Person, personOf } from './person.ts'

/** A person and all that they type, document after document, in the order in which it is typed. */
export type Writer = {
  readonly name: string
  readonly kind: Kind
  readonly person: Person
  readonly documents: readonly string[]
  /** Where the texts come from: checked against what the base was trained on. */
  readonly sources: readonly string[]
}

const root = join(import.meta.dirname, '..', '..')

/** Packages whose sources are replayed, one author each: installed here, never committed. No base is trained on them. */
export const PACKAGES: readonly (readonly [name: string, files: string])[] = [
  ['pino', 'lib/*.js'],
  ['semver', 'semver.js'],
  ['commander', 'lib/*.js'],
  ['pg', 'lib/**/*.js'],
  ['ws', 'lib/*.js'],
  ['prom-client', 'lib/**/*.js'],
  ['yaml', 'dist/**/*.js'],
  ['kysely', 'dist/*/*.js'],
  ['cborg', 'lib/**/*.js'],
  ['follow-redirects', '*.js'],
  ['@noble/hashes', 'src/*.ts'],
  ['dns-packet', '*.js'],
]
/** Others of the same authors, which a base is not trained on either. */
export const KIN = ['@noble/', '@scure/', '@dnsquery/', 'pg-']

/** Part of Moby-Dick's bytes that a base may be trained on, from their beginning. */
export const BASE_PART = 0.8
/** No address of this year or a later one is trained on. */
export const FIRST_YEAR = 1909

/** Cuts behind a sentence or a line, so that a document is at most `most` characters. */
const cut = (text: string, most: number, kind: Kind): string => {
  if (text.length <= most) return text
  const part = text.slice(0, most)
  const end = kind === 'code' ? part.lastIndexOf('\n') : part.search(/[.?!]['"”’]?\s+[^.?!]*$/)
  return end > most / 2 ? part.slice(0, end + 1) : part
}

/** Documents of at most `each` characters until there are `most`: beginnings first, then what follows in the longer texts. */
const shorten = (texts: readonly string[], most: number, each: number, kind: Kind): string[] => {
  const documents: string[] = []
  let left = most
  for (let rest = texts; rest.length > 0 && left >= 500; ) {
    const after: string[] = []
    for (const text of rest) {
      const part = cut(text, Math.min(left, each), kind)
      if (part.length < 300 || left < 500) continue
      documents.push(part.trim())
      left -= part.length
      after.push(text.slice(part.length))
    }
    rest = after
  }
  return documents
}

/** Prose: those who gave the addresses of data/addresses-later.txt, and the last fifth of Moby-Dick. */
export const proseWriters = (most: number): Writer[] => {
  const parts = readFileSync(join(root, 'data', 'addresses-later.txt'), 'utf8').split(/^== (.+), (\d+)\n/m)
  const people = new Map<string, { years: number[]; texts: string[] }>()
  for (let i = 1; i < parts.length; i += 3) {
    const of = people.get(parts[i]!) ?? { years: [], texts: [] }
    of.years.push(Number(parts[i + 1]))
    of.texts.push(parts[i + 2]!)
    people.set(parts[i]!, of)
  }
  const book = readFileSync(join(root, 'data', 'moby-dick.txt'))
  // Lines of the book are broken by hand; an editor breaks them by itself.
  const chapters = book
    .subarray(Math.ceil(book.length * BASE_PART))
    .toString('utf8')
    .split(/^CHAPTER \d+\. .*$/m)
    .slice(1)
    .map((chapter) => chapter.trim().replace(/(?<!\n)\n(?!\n)/g, ' '))
  const written = [
    ...[...people].map(([name, { years, texts }]) => ({
      name,
      texts,
      sources: years.map((year) => `address:${year}`),
    })),
    { name: 'Herman Melville', texts: chapters, sources: [`moby-dick:${BASE_PART}-1`] },
  ]
  return written.map(({ name, texts, sources }, i) => {
    const person = personOf(1000 + i)
    const documents = shorten(texts, most, Math.max(1500, most / 4), 'prose')
    return {
      ...{ name, kind: 'prose' as const, person, sources },
      documents: documents.map((text) => inOwnWords(text, person)),
    }
  })
}

/** Code: sources of packages, file after file in the order of their paths, shortest way down first. */
export const codeWriters = (most: number): Writer[] =>
  PACKAGES.map(([name, files], i) => {
    const folder = join(root, 'node_modules', name)
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
    const paths = globSync(files, { cwd: folder })
      .filter((path) => !/\.(d|test)\.ts$|(^|\/)(test|bench)/.test(path))
      .sort((a, b) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1))
    const texts = paths.map((path) =>
      readFileSync(join(folder, path), 'utf8')
        .trim()
        .replace(/\r/g, '')
        .replace(/[ \t]+$/gm, ''),
    )
    return {
      ...{ name, kind: 'code' as const, person: personOf(2000 + i), sources: [`package:${name}@${version}`] },
      documents: shorten(texts, most, Math.max(1500, most / 4), 'code'),
    }
  })

/**
 * Throws where a base was trained on what is replayed. Sources are `package:NAME@VERSION`, `address:YEAR` and
 * `moby-dick:FROM-TO` in parts of the whole.
 */
export const checkDisjoint = (writers: readonly Writer[], trainedOn: readonly string[]): void => {
  const replayed = new Set(writers.flatMap(({ sources }) => sources.map(nameOf)))
  const kin = writers.some(({ kind }) => kind === 'code') ? KIN : []
  for (const source of trainedOn) {
    const name = nameOf(source)
    const [, year] = /^address:(\d+)/.exec(source) ?? []
    const [, to] = /^moby-dick:[\d.]+-([\d.]+)/.exec(source) ?? []
    if (
      (name.startsWith('package:') && replayed.has(name)) ||
      kin.some((of) => name.startsWith(`package:${of}`)) ||
      Number(year) >= FIRST_YEAR ||
      Number(to) > BASE_PART
    )
      throw new Error(`the base was trained on ${source}, which is replayed; allowed: sources of others`)
  }
}

/** A source without its version. */
const nameOf = (source: string): string => source.replace(/(?<=.)@[^@/]*$/, '')
