import type { Family } from './family.ts'

/**
 * Training and held-out tasks never meet, in two ways. Seeds: the highest bit of a seed says its side. Content:
 * where few prompts exist two seeds may draw the same one, so a hash of the prompt's text assigns every prompt,
 * of whatever family, level and seed, to one side for ever; a seed is used only if its prompt is on its side.
 * Both are functions of what everybody sees, so anybody checks on which side a task is.
 */
export type Side = 'train' | 'held-out'

/** One prompt in this many is held out. */
export const HELD_OUT_ONE_IN = 4

/** Attempts to find a seed; with a quarter of a hundred prompts held out, all fail once in 10^127 draws. */
const ATTEMPTS = 1024

export const sideOfSeed = (seed: number): Side => (seed >>> 31 ? 'held-out' : 'train')

export const sideOfPrompt = (prompt: string): Side => {
  // FNV-1a over the characters, then the finaliser of MurmurHash3 so that the low bits depend on all of them.
  let hash = 0x811c9dc5
  for (let i = 0; i < prompt.length; i++) hash = Math.imul(hash ^ prompt.charCodeAt(i), 0x01000193)
  return mix(hash) % HELD_OUT_ONE_IN === 0 ? 'held-out' : 'train'
}

/**
 * The seed (u32) of a family's task at a level for a draw (u32, from whatever randomness the round has): the
 * first of a row of candidates whose prompt is on the side.
 */
export const seedOn = (side: Side, family: Family, level: number, draw: number): number => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const candidate = mix(draw + Math.imul(attempt, 0x9e3779b9)) & 0x7fffffff
    const seed = side === 'train' ? candidate : (candidate | 0x80000000) >>> 0
    if (isOn(side, family, seed, level)) return seed
  }
  throw new RangeError(
    `none of ${ATTEMPTS} seeds of family ${family.name} at level ${level} is on the side ${side}; the family has too few prompts there: use a higher level`,
  )
}

/** Whether a task may be used on a side. */
export const isOn = (side: Side, family: Family, seed: number, level: number): boolean =>
  sideOfSeed(seed) === side && sideOfPrompt(family.run(seed, level, '').prompt) === side

/** At most `count` held-out seeds of a level, no two with the same prompt (fewer where the level has fewer). */
export const heldOutSeeds = (family: Family, level: number, count: number): number[] => {
  const found = new Map<string, number>()
  for (let draw = 0; draw < 8 * count && found.size < count; draw++) {
    const seed = seedOn('held-out', family, level, draw)
    const { prompt } = family.run(seed, level, '')
    if (!found.has(prompt)) found.set(prompt, seed)
  }
  return [...found.values()]
}

/** The finaliser of MurmurHash3 (Austin Appleby, public domain): a bijection of u32 in which all bits depend on all. */
const mix = (word: number): number => {
  let h = word | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
