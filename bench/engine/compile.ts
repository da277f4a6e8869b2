import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { figure, limitRow, median, type Row } from '../row.ts'
import type { Section } from './section.ts'

const LIMIT_MS = 300

/**
 * From the GPT step's program to a runner that can step, as the first call of a process: each time is a process of its
 * own, so that no code is warm and no program known.
 */
export const section: Section = async ({ quick }) => {
  const rows: Row[] = []
  for (const threads of quick ? [1] : [1, 2]) {
    const found: { trace: number; compile: number }[] = []
    for (let i = 0; i < (quick ? 1 : 7); i++) found.push(await once(threads))
    const what = `GPT step, ${threads} ${threads === 1 ? 'thread' : 'threads'}, first call`
    const compile = median(found.map((f) => f.compile))
    rows.push(limitRow(`compile, ${what}`, compile, 'ms', 'limit', LIMIT_MS))
    rows.push(figure(`trace, ${what}`, median(found.map((f) => f.trace)), 'ms'))
  }
  return rows
}

const once = async (threads: number): Promise<{ trace: number; compile: number }> => {
  const file = join(import.meta.dirname, 'compile-once.ts')
  const flags = ['--disable-warning=ExperimentalWarning']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, file, String(threads)])
  return JSON.parse(stdout)
}
