/**
 * Serves the playground, where a GPT trains in a page, until Ctrl-C.
 *   npm run playground [-- --port N] [--not-isolated]
 */
import { runPageCommand } from './server/page-command.ts'
import { servePlayground } from './server/serve.ts'

await runPageCommand({ name: 'playground', what: 'The playground', port: 8765, serve: servePlayground })
