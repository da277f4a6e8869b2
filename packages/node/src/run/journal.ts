import { createHash } from 'node:crypto'
import { appendFile, open, readFile } from 'node:fs/promises'
import { hex32 } from '@lockstep/client/fields'
import { type Digest, digestFromHex, toHex } from '@lockstep/proof'
import { z } from 'zod'

/**
 * What a run knows of a segment beside its checkpoint. The tally is nobody else's affair until the audit opens it, so
 * it stands in a file of its own and never in a checkpoint, which others are given.
 */
export type SegmentRecord = {
  readonly segment: number
  readonly item: Digest
  readonly tally: Digest
  /** What the self-audit found, where the segment was audited. */
  readonly audit?: 'equal' | 'repaired'
}

const schema = z.strictObject({
  segment: z.int().min(0),
  item: hex32,
  tally: hex32,
  audit: z.enum(['equal', 'repaired']).optional(),
  seal: hex32,
})

/** A flipped bit in a tally would cost the stake: a line that is not sealed is none. */
const sealOf = (line: object): string =>
  `0x${createHash('sha256').update(JSON.stringify(line)).digest('hex')}`

/** The records of a file by segment, the last one of each. Torn and damaged lines are left out: they are made again. */
export const readJournal = async (path: string): Promise<Map<number, SegmentRecord>> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const records = new Map<number, SegmentRecord>()
  for (const line of text.split('\n')) {
    const record = parse(line)
    if (record) records.set(record.segment, record)
  }
  return records
}

const parse = (line: string): SegmentRecord | undefined => {
  try {
    const { seal, segment, item, tally, audit } = schema.parse(JSON.parse(line))
    const fields = { segment, item, tally, ...(audit && { audit }) }
    if (seal !== sealOf(fields)) return undefined
    return { ...fields, item: digestFromHex(item), tally: digestFromHex(tally) }
  } catch {
    return undefined
  }
}

/** Adds a line and flushes it to the disk. */
export const appendRecord = async (path: string, record: SegmentRecord): Promise<void> => {
  const { segment, item, tally, audit } = record
  const fields = { segment, item: toHex(item), tally: toHex(tally), ...(audit && { audit }) }
  const file = await open(path, 'a').catch((error) => {
    throw Object.assign(error, { path })
  })
  try {
    // A line that a kill tore off must not swallow this one.
    await appendFile(file, `\n${JSON.stringify({ ...fields, seal: sealOf(fields) })}\n`)
    await file.datasync()
  } finally {
    await file.close()
  }
}
