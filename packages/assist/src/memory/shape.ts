import type { Spot } from './habit.ts'

/** A block on the board, or anywhere. */
export type Coloured = { readonly x: number; readonly y: number; readonly colour: number }

/**
 * What is built, wherever it lies and whatever its colours: blocks of one colour are one part. Parts are counted in the
 * order in which they are met line by line, so that two goals alike but for place and colours have one shape.
 */
export type Shape = {
  readonly key: string
  readonly wide: number
  readonly high: number
  readonly parts: number
  /** Its blocks from the top left corner, in the order in which they were given. */
  readonly spots: readonly Spot[]
}

/** The shape of some blocks, and the colour of each of its parts. */
export const shapeOf = (
  blocks: readonly Coloured[],
): { readonly shape: Shape; readonly colours: readonly number[] } => {
  const left = Math.min(...blocks.map(({ x }) => x))
  const top = Math.min(...blocks.map(({ y }) => y))
  const inLines = blocks.toSorted((a, b) => a.y - b.y || a.x - b.x)
  const names = new Map<number, number>()
  for (const { colour } of inLines) if (!names.has(colour)) names.set(colour, names.size)
  const spotOf = ({ x, y, colour }: Coloured): Spot => ({ x: x - left, y: y - top, part: names.get(colour)! })
  const spots = blocks.map(spotOf)
  const shape = {
    key: inLines
      .map(spotOf)
      .map(({ x, y, part }) => `${x},${y},${part}`)
      .join(' '),
    wide: 1 + Math.max(...spots.map(({ x }) => x)),
    high: 1 + Math.max(...spots.map(({ y }) => y)),
    parts: names.size,
    spots,
  }
  return { shape, colours: [...names.keys()] }
}

/** The shape turned and mirrored, as often as that makes another one: at most seven. */
export const turned = (shape: Shape): Shape[] =>
  others(
    shape,
    [1, 2, 3, 4, 5, 6, 7].map((way) =>
      colouredOf(shape).map(({ x, y, colour }) => {
        const [across, down] = [way & 1 ? -x : x, way & 2 ? -y : y]
        return way & 4 ? { x: down, y: across, colour } : { x: across, y: down, colour }
      }),
    ),
  )

/** The shape with one of its lines or columns twice, or without it. */
export const stretched = (shape: Shape): Shape[] => {
  const made: Coloured[][] = []
  for (const [axis, length] of [
    ['x', shape.wide],
    ['y', shape.high],
  ] as const)
    for (let line = 0; line < length; line++)
      for (const by of [1, -1])
        made.push(
          colouredOf(shape).flatMap((block) => {
            if (block[axis] < line) return [block]
            const beyond = { ...block, [axis]: block[axis] + by }
            if (block[axis] > line) return [beyond]
            return by > 0 ? [block, beyond] : []
          }),
        )
  return others(shape, made)
}

/** Fewer blocks look like anything. */
const LEAST = 3

const others = (shape: Shape, made: readonly (readonly Coloured[])[]): Shape[] => {
  const found = new Map<string, Shape>()
  for (const blocks of made) {
    if (blocks.length < LEAST) continue
    const one = shapeOf(blocks).shape
    if (one.key !== shape.key) found.set(one.key, one)
  }
  return [...found.values()]
}

const colouredOf = ({ spots }: Shape): Coloured[] => spots.map(({ x, y, part }) => ({ x, y, colour: part }))
