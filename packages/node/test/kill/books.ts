import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { readHistory } from '@lockstep/client'
import type { MarketEventOf } from '@lockstep/contracts'
import type { Town } from './town.ts'

/** What must be true on the chain after any job, whatever was killed: nobody has lost what was theirs. */
export const checkBooks = async (
  { market, deployment, accounts }: Town,
  job: number,
  liars: readonly string[] = [],
): Promise<void> => {
  const { addresses, fromBlock } = deployment
  const head = Number(await market.connection.reader.getBlockNumber())
  const events = await market.events(fromBlock, head)
  const { read } = market

  const { slices, status } = await read.job(job)
  assert.equal(status, 'closed')
  for (let slice = 0; slice < slices; slice++)
    assert.equal((await read.progress(job, slice)).status, 'settled', `slice ${slice} of job ${job}`)
  assert.equal(await read.escrowOf(addresses.market, job), 0n, 'the escrow of a closed job is empty')

  // The vault holds what it owes, by the contract's own words for each account and escrow there has ever been.
  const history = await readHistory(market.connection, addresses, fromBlock, head)
  let owed = 0n
  for (const [account, view] of history.accounts) {
    const found = await read.account(account)
    assert.deepEqual(
      [found.credit, found.stake, found.unbonding],
      [view.credit, view.stake, view.unbonding],
      `${account} has what the events say`,
    )
    owed += found.credit + found.stake + found.unbonding
  }
  for (const [name, amount] of history.escrows) {
    const [office, escrow] = name.split(' ') as [`0x${string}`, string]
    assert.equal(await read.escrowOf(office, BigInt(escrow)), amount, `escrow ${name}`)
    owed += amount
  }
  assert.equal(await read.tokens(addresses.vault), owed, 'the vault holds what it owes')
  for (const [name, account] of accounts)
    if (!liars.includes(name))
      assert.equal(
        (await read.account(account.address)).locked,
        await enrolled(account.address),
        `${name} is free`,
      )
  async function enrolled(account: `0x${string}`): Promise<bigint> {
    return (await read.enrolment(account)).locked
  }

  // One claim for each attempt, one assignment that held, one settlement for each slice.
  const claims = events.filter(isEvent('disputes', 'Claimed')).map(({ args }) => args.task)
  assert.equal(new Set(claims).size, claims.length, 'no task is claimed twice')
  const settled = events
    .filter(isEvent('market', 'SliceSettled'))
    .map(({ args }) => `${args.job}:${args.slice}`)
  assert.equal(new Set(settled).size, settled.length, 'no slice is settled twice')
  const attempts = events
    .filter(isEvent('market', 'SliceClaimed'))
    .map(({ args }) => `${args.job}:${args.slice}:${args.attempt}`)
  assert.equal(new Set(attempts).size, attempts.length, 'no attempt is claimed twice')

  const names = new Map([...accounts].map(([name, { address }]) => [address.toLowerCase(), name]))
  for (const { args } of events.filter(isEvent('vault', 'Slashed')))
    assert.ok(liars.includes(names.get(args.account.toLowerCase())!), `${args.account} was slashed`)
}

/** Every dispute that was opened has ended: no bond is left in one that nobody can play any more. */
export const checkDisputes = async ({ market, deployment }: Town): Promise<void> => {
  const head = Number(await market.connection.reader.getBlockNumber())
  const events = await market.events(deployment.fromBlock, head)
  const numbers = (names: readonly string[]): string[] =>
    events
      .filter(({ contract, name }) => contract === 'disputes' && names.includes(name))
      .map(({ args }) => String((args as { readonly dispute: bigint }).dispute))
      .sort()
  assert.deepEqual(numbers(['Decided']), numbers(['HistoryChallenged', 'SegmentChallenged']))
}

/** What must be true of a node's own store when it has nothing to do: it bid once, and nothing is left to be sent. */
export const checkStores = ({ directory, accounts }: Town): void => {
  for (const name of accounts.keys()) {
    const store = new DatabaseSync(join(directory, name, 'store.sqlite'), { readOnly: true })
    try {
      const left = store
        .prepare(`select intent, status from outbox where status in ('waiting', 'sent')`)
        .all()
      assert.deepEqual(left, [], `${name} has nothing left to send`)
      const bids = store
        .prepare('select job, count(*) as count from bids group by job having count(*) > 1')
        .all()
      assert.deepEqual(bids, [], `${name} has bid once for each job`)
    } finally {
      store.close()
    }
  }
}

const isEvent =
  <const C extends 'market' | 'vault' | 'disputes', const N extends string>(contract: C, name: N) =>
  (event: { readonly contract: string; readonly name: string }): event is MarketEventOf<C, N> =>
    event.contract === contract && event.name === name
