import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { badInput } from '../cli-error.ts'

/** Whether there is a person to ask. */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true

/** One line from the terminal; questions go to stderr. Ctrl-C ends the process as everywhere. */
export const ask = async (question: string, { hidden = false } = {}): Promise<string> => {
  process.stderr.write(question)
  // What is typed is echoed by the line editor alone, so that a hidden one shows nothing.
  const shown = new Writable({
    write: (chunk, _, done) => {
      if (!hidden) process.stderr.write(chunk)
      done()
    },
  })
  const lines = createInterface({ input: process.stdin, output: shown, terminal: true })
  lines.on('SIGINT', () => {
    lines.close()
    process.stderr.write('\n')
    process.kill(process.pid, 'SIGINT')
  })
  try {
    return await lines.question('')
  } finally {
    lines.close()
    if (hidden) process.stderr.write('\n')
  }
}

/** Asks whether something is to be done; where nobody can be asked, `--yes` has to say it. */
export const confirm = async (question: string, { yes }: { readonly yes: boolean }): Promise<boolean> => {
  if (yes) return true
  if (!canAsk())
    throw badInput(
      'confirmation-missing',
      '--yes',
      'missing, and there is no terminal to ask on',
      '--yes, or a terminal',
      'Look at what is shown, and say --yes to do it.',
    )
  return /^y(es)?$/i.test((await ask(`${question} [y/N] `)).trim())
}
