import type { Hex, Move } from '@lockstep/proof'

type Draw = (below: number) => number
type Plain = Record<string, unknown>

/**
 * A move with one thing in it changed, so that it can still be sent: digests stay digests, numbers stay small. Undefined
 * where the thing that was drawn has no other value.
 */
export const bend = (move: Move, draw: Draw): Move | undefined => {
  const fields = Object.keys(move).filter((field) => field !== 'kind')
  const field = fields[draw(fields.length)]!
  const value = (move as Plain)[field]
  if (field === 'openings' && (value as unknown[]).length === 0) return undefined
  const bent = bendValue(value, draw)
  return bent === undefined ? undefined : ({ ...move, [field]: bent } as Move)
}

const OTHER: Hex = `0x${'ab'.repeat(32)}`

const bendValue = (value: unknown, draw: Draw): unknown => {
  if (typeof value === 'number') return draw(2) ? value + 1 + draw(3) : value ^ 1
  if (Array.isArray(value)) return bendList(value, draw)
  if (typeof value === 'object' && value !== null) {
    const fields = Object.keys(value)
    const field = fields[draw(fields.length)]!
    const bent = bendValue((value as Plain)[field], draw)
    return bent === undefined ? undefined : { ...value, [field]: bent }
  }
  if (value === 'node' || value === 'state' || value === 'input') return value === 'state' ? 'input' : 'state'
  return bendHex(value as Hex, draw)
}

const bendList = (list: readonly unknown[], draw: Draw): unknown => {
  const isDigests = list.every((entry) => typeof entry === 'string')
  const how = draw(6)
  if (how === 0) return list.length > 0 ? [...list, list[draw(list.length)]] : isDigests ? [OTHER] : undefined
  if (list.length === 0) return undefined
  if (how === 1) return list.slice(0, -1)
  if (how === 2) return [...list].reverse()
  const at = draw(list.length)
  const bent = bendValue(list[at], draw)
  return bent === undefined ? undefined : list.map((entry, i) => (i === at ? bent : entry))
}

const bendHex = (hex: Hex, draw: Draw): Hex | undefined => {
  const bytes = hex.length / 2 - 1
  if (bytes === 0) return undefined
  // Bytes of another length, where they are not a digest.
  if (bytes !== 32 && draw(5) === 0) return draw(2) ? `${hex}00` : (hex.slice(0, -2) as Hex)
  const at = 2 + 2 * draw(bytes)
  const byte = Number.parseInt(hex.slice(at, at + 2), 16) ^ (1 << draw(8))
  return `${hex.slice(0, at)}${byte.toString(16).padStart(2, '0')}${hex.slice(at + 2)}` as Hex
}
