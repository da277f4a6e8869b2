import { readFile, statfs } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'

/** Bytes that this user may still write where a path lies. */
export const freeDisk = async (path: string): Promise<number> => {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

/**
 * Bytes of memory that a new process could have without anybody swapping: Linux's MemAvailable, and no more than what the
 * control group of this process leaves; elsewhere what the system calls free, which is less.
 */
export const freeMemory = async (root = '/'): Promise<number> => {
  const read = async (path: string): Promise<string> => readFile(join(root, path), 'utf8').catch(() => '')
  const [, kibibytes] = /^MemAvailable: +(\d+) kB$/m.exec(await read('proc/meminfo')) ?? []
  const available = kibibytes === undefined ? freemem() : Number(kibibytes) * 1024
  const [, group = ''] = /^0::(\/.*)$/m.exec(await read('proc/self/cgroup')) ?? []
  let left = available
  // A group is bound by those above it, too; the root has no limit of its own.
  for (let at = group; ; at = at.slice(0, at.lastIndexOf('/'))) {
    const most = Number.parseInt(await read(join('sys/fs/cgroup', at, 'memory.max')), 10)
    const used = Number.parseInt(await read(join('sys/fs/cgroup', at, 'memory.current')), 10)
    if (Number.isFinite(most) && Number.isFinite(used)) left = Math.min(left, Math.max(0, most - used))
    if (at === '') return left
  }
}
