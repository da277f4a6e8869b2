import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser } from 'playwright-core'

/** The part of the browser's own protocol that lists what runs in it, workers of workers included. */
type Targets = { readonly targetInfos: readonly { readonly type: string; readonly url: string }[] }

/** Threads of executors that a browser has. Those that have been ended have up to half a minute to be gone. */
export const threadsLeft = async (browser: Browser): Promise<string[]> => {
  const session = await browser.newBrowserCDPSession()
  const filter = { filter: [{ type: 'worker' }] }
  let workers: string[] = []
  for (let tries = 0; tries < 300; tries++) {
    const { targetInfos } = (await session.send('Target.getTargets', filter)) as Targets
    workers = targetInfos.map(({ url }) => url).filter((url) => url.includes('pool-web-worker'))
    if (workers.length === 0) break
    await sleep(100)
  }
  await session.detach()
  return workers
}

/** How many workers a browser has now. */
export const countWorkers = async (browser: Browser): Promise<number> => {
  const session = await browser.newBrowserCDPSession()
  const { targetInfos } = (await session.send('Target.getTargets', {
    filter: [{ type: 'worker' }],
  })) as Targets
  await session.detach()
  return targetInfos.length
}
