/**
 * Serves an editor and a game, each with an assistant that learns from whoever uses it, until Ctrl-C.
 *   npm run assist [-- --port N] [--not-isolated]
 */
import { runPageCommand } from '@lockstep/playground/page-command'
import { serveAssist } from './server/serve.ts'

await runPageCommand({ name: 'assist', what: 'The assistant', port: 8766, serve: serveAssist })
