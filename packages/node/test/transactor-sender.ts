/**
 * A node that wants some things to happen, until they have or until somebody kills it:
 *   node transactor-sender.ts PLACE URL BELL KEYS WHAT ...
 */
import type { Hex } from 'viem'
import { startTransactor } from '../src/chain/transactor.ts'
import { openStore } from '../src/store/open-store.ts'
import { bellAbi, bellCall, readerOf, testAccount } from './bell.ts'

const [place, url, bell, keys, ...whats] = process.argv.slice(2) as [string, string, Hex, string, ...string[]]
const accounts = Array.from({ length: Number(keys) }, (_, i) => testAccount(i))
const store = await openStore(place)
const transactor = await startTransactor({
  store,
  chain: readerOf(url),
  accounts,
  errors: bellAbi,
  pollingInterval: 20,
  resendAfter: 100,
})
await Promise.all(
  whats.map((what, i) =>
    transactor.send(`ring:${what}`, bellCall(bell, 'ring', what, 1n), {
      account: accounts[i % accounts.length]!.address,
    }),
  ),
)
await transactor.stop()
await store.close()
