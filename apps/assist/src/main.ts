/**
 * Serves an editor and a game, each with an assistant that learns from whoever uses it, until Ctrl-C. Rounds in which
 * assistants improve the text base are kept beside the page, or by the keeper at another address.
 *   npm run assist [-- --port N] [--not-isolated] [--rounds URL] [--seconds N] [--keep FOLDER]
 */
import { memoryStorage } from '@lockstep/assist'
import { folderStorage } from '@lockstep/assist/folder-storage'
import { runPageCommand } from '@lockstep/playground/page-command'
import { type RoundsHere, serveAssist } from './server/serve.ts'

/** Seconds of a round where nothing else is said. */
const ROUND = 600

const addressOf = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.href === new URL('/', url).href) return url.href
  throw new Error(`--rounds is ${text}; allowed: the address of a keeper, such as http://127.0.0.1:8767/.`)
}

const roundsHere = async (seconds = String(ROUND), folder?: string): Promise<RoundsHere> => {
  if (!/^\d{1,9}$/.test(seconds) || Number(seconds) < 1)
    throw new Error(`--seconds is ${seconds}; allowed: an integer from 1 to 999999999.`)
  return {
    storage: folder === undefined ? memoryStorage() : await folderStorage(folder),
    settings: { seconds: Number(seconds) },
  }
}

await runPageCommand({
  ...{ name: 'assist', what: 'The assistant', port: 8766 },
  more: { rounds: 'URL', seconds: 'N', keep: 'FOLDER' },
  serve: async (options, { rounds, seconds, keep }) =>
    serveAssist({
      ...options,
      rounds: rounds === undefined ? await roundsHere(seconds, keep) : addressOf(rounds),
    }),
})
