import type { Family } from './family.ts'

/**
 * Training and held-out tasks never meet, in two ways. Seeds: the highest bit of a seed (u32) says its side. Content:
 * where few prompts exist two seeds may draw the same one, so a hash of the prompt's text puts each prompt, of
 * whatever family, level and seed, on one side for ever; a seed is used only where its prompt is on its side. Both
 * are functions of what everybody sees, so anybody checks on which side a task is.
 */
export type Side = 'train' | 'held-out'

/** One prompt in this many is held out. */
const HELD_OUT_ONE_IN = 4

/** Seeds that are tried; where a tenth of the prompts is on a side, all of them miss it once in 10^46 times. */
const TRIES = 1024

export const sideOfSeed = (seed: number): Side => (seed >>> 31 === 0 ? 'train' : 'held-out')

export const sideOfPrompt = (prompt: string): Side => {
  // FNV-1a over the characters, then mixed so that the remainder depends on all of them.
  let hash = 0x811c9dc5
  for (let i = 0; i < prompt.length; i++) hash = Math.imul(hash ^ prompt.charCodeAt(i), 0x01000193)
  return mix(hash) % HELD_OUT_ONE_IN === 0 ? 'held-out' : 'train'
}

/** Whether a task may be used on a side. */
export const isOn = (side: Side, family: Family, seed: number, level: number): boolean =>
  sideOfSeed(seed) === side && sideOfPrompt(family.play(seed, level).prompt) === side

/**
 * The seed (u32) of a family's task at a level on a side, for a draw (u32) from whatever randomness
 * there is: the first of a row of seeds whose prompt is on the side.
 */
export const seedOn = (side: Side, family: Family, level: number, draw: number): number => {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const word = mix(draw + Math.imul(attempt, 0x9e3779b9))
    const seed = (side === 'train' ? word & 0x7fffffff : word | 0x80000000) >>> 0
    if (isOn(side, family, seed, level)) return seed
  }
  throw new RangeError(
    `none of ${TRIES} seeds of ${family.name} at level ${level} is on the side ${side}: the family has too few prompts there; use another level`,
  )
}

/**
 * Seeds of `count` held-out tasks of a level, no two with the same prompt; fewer where the level has fewer prompts.
 * `first` is the first of the draws that are used, so that two sets of tasks can differ.
 */
export const heldOutSeeds = (family: Family, level: number, count: number, first = 0): number[] => {
  const seeds = new Map<string, number>()
  for (let draw = first; draw < first + 8 * count && seeds.size < count; draw++) {
    const seed = seedOn('held-out', family, level, draw)
    const { prompt } = family.play(seed, level)
    if (!seeds.has(prompt)) seeds.set(prompt, seed)
  }
  return [...seeds.values()]
}

/** MurmurHash3's finaliser (Austin Appleby, public domain): a bijection of u32, all bits of which depend on all. */
const mix = (word: number): number => {
  let h = word | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
