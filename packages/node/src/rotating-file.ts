import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * A file that lines are appended to, and which is turned over at a size: NAME becomes NAME.1, that NAME.2, and so on, of
 * which so many are kept. Each line is written before `write` returns, so that what led to a crash is there.
 */
export class RotatingFile {
  readonly #path: string
  readonly #size: number
  readonly #keep: number
  #file: number
  #length: number

  constructor(path: string, size: number, keep: number) {
    this.#path = path
    this.#size = size
    this.#keep = keep
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    this.#file = openSync(path, 'a', 0o600)
    this.#length = fstatSync(this.#file).size
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#length > 0 && this.#length + bytes.length > this.#size) this.#turn()
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at)
    this.#length += bytes.length
  }

  close(): void {
    closeSync(this.#file)
  }

  #turn(): void {
    for (let n = this.#keep; n >= 1; n--) {
      const from = n === 1 ? this.#path : `${this.#path}.${n - 1}`
      try {
        renameSync(from, `${this.#path}.${n}`)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    const next = openSync(this.#path, 'a', 0o600)
    closeSync(this.#file)
    this.#file = next
    this.#length = fstatSync(next).size
    rmSync(`${this.#path}.${this.#keep + 1}`, { force: true }) // of a time when more were kept
  }
}
