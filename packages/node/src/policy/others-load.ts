import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * How many cores others keep busy, from Linux's /proc: what all processors did since the last look, less what this
 * process and its descendants did. Time that a descendant used after the last look and before it ended is counted as
 * others'; in a container, so is what runs on the same machine outside of it.
 */
export type LoadProbe = {
  /** Cores since the last look; undefined at the first one, and where the system does not tell. */
  sample(): Promise<number | undefined>
}

const MOST_PROCESSES = 65_536

export const createLoadProbe = (root = '/', pid: number = process.pid): LoadProbe => {
  let before: { busy: number; total: number; cores: number; own: Map<number, number> } | undefined
  return {
    sample: async () => {
      const system = await systemTimes(root)
      if (system === undefined) return undefined
      const now = { ...system, own: await familyTimes(root, pid) }
      const last = before
      before = now
      if (last === undefined) return undefined
      const elapsed = (now.total - last.total) / now.cores
      if (elapsed <= 0) return undefined
      let own = 0
      for (const [id, ticks] of now.own) own += ticks - (last.own.get(id) ?? 0)
      return Math.max(0, (now.busy - last.busy - own) / elapsed)
    },
  }
}

/** In ticks, of all cores together. */
const systemTimes = async (
  root: string,
): Promise<{ busy: number; total: number; cores: number } | undefined> => {
  const text = await readFile(join(root, 'proc/stat'), 'utf8').catch(() => '')
  const cores = text.match(/^cpu\d+ /gm)?.length ?? 0
  const [, fields] = /^cpu +(.*)$/m.exec(text) ?? []
  if (fields === undefined || cores === 0) return undefined
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0] = fields
    .split(' ')
    .map(Number)
  const busy = user + nice + system + irq + softirq + steal
  return { busy, total: busy + idle + wait, cores }
}

/** Ticks that a process and its descendants have used, by process. */
const familyTimes = async (root: string, pid: number): Promise<Map<number, number>> => {
  const names = await readdir(join(root, 'proc')).catch(() => [])
  const all = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .slice(0, MOST_PROCESSES)
      .map(async (name) => {
        const text = await readFile(join(root, 'proc', name, 'stat'), 'utf8').catch(() => '')
        // The name in brackets may hold anything, brackets included: fields are counted from behind it.
        const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
        const [parent, user, system] = [Number(fields[1]), Number(fields[11]), Number(fields[12])]
        return { pid: Number(name), parent, ticks: user + system }
      }),
  )
  const children = new Map<number, typeof all>()
  for (const one of all) children.set(one.parent, [...(children.get(one.parent) ?? []), one])
  const family = new Map<number, number>()
  const waiting = all.filter((one) => one.pid === pid)
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    if (family.has(one.pid)) continue
    if (Number.isFinite(one.ticks)) family.set(one.pid, one.ticks)
    waiting.push(...(children.get(one.pid) ?? []))
  }
  return family
}
