import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from 'viem'
import {
  type ChainEvent,
  type ChainReader,
  type Cursor,
  chainClock,
  type Indexer,
  type IndexerOptions,
  openStore,
  type Store,
  startIndexer,
} from '../src/index.ts'
import { type Belfry, bare, dumpIndex, numbersFrom, startBelfry, startCopy, word } from './bell.ts'
import { postgresPlace, sqlitePlace } from './store-places.ts'

/** Chains, stores and indexers of a test, ended in reverse order whatever happens. */
const scene = async (body: (stage: Stage) => Promise<void>): Promise<void> => {
  const ends: (() => Promise<void>)[] = []
  const place = sqlitePlace()
  try {
    await body({
      belfry: async (args) => {
        const belfry = await startBelfry(args)
        ends.push(belfry.chain.stop)
        return belfry
      },
      copy: async (dump, bell, options) => {
        const belfry = await startCopy(dump, bell, options)
        ends.push(belfry.chain.stop)
        return belfry
      },
      store: async (where = place.fresh()) => {
        const store = await openStore(where)
        ends.push(store.close)
        return store
      },
      indexer: async (store, { connection, contract }, options = {}) => {
        const indexer = await startIndexer({
          store,
          chain: connection,
          contracts: [contract],
          pollingInterval: 20,
          patience: 100,
          ...options,
        })
        ends.push(indexer.stop)
        return indexer
      },
    })
  } finally {
    for (const end of ends.reverse()) await end()
    await place.stop()
  }
}
type Stage = {
  readonly belfry: (args?: readonly string[]) => Promise<Belfry>
  readonly copy: (dump: Hex, bell: Hex, options?: { readonly port?: number }) => Promise<Belfry>
  readonly store: (where?: string) => Promise<Store>
  readonly indexer: (store: Store, belfry: Belfry, options?: Partial<IndexerOptions>) => Promise<Indexer>
}

/** A reader that folds batches as a view does: it keeps its cursor and undoes what has been rolled back. */
const folding = () => {
  let cursor: Cursor | undefined
  let held: ChainEvent[] = []
  return {
    held: () => held.map(bare),
    advance: async (indexer: Indexer, limit?: number) => {
      for (;;) {
        const batch = await indexer.eventsSince(cursor, {}, limit)
        const { rolledBackTo } = batch
        if (rolledBackTo !== undefined) held = held.filter(({ block }) => block <= rolledBackTo)
        held.push(...batch.events)
        cursor = batch.cursor
        if (!batch.more) return
      }
    },
  }
}

/** Passes requests on, or fails, lags or lies as servers do: never about what it says it knows. */
const throughBadWeather = (
  chain: ChainReader,
  weather: (method: string) => 'fair' | 'fails' | 'lags',
): ChainReader => ({
  chainId: chain.chainId,
  reader: new Proxy(chain.reader, {
    get: (reader, name) =>
      name !== 'request'
        ? reader[name as keyof typeof reader]
        : async (call: { readonly method: string; readonly params: readonly unknown[] }) => {
            const today = weather(call.method)
            if (today === 'fails') throw new Error('the server is out')
            const answer = await reader.request(call as never)
            // A server that lags does not know the newest blocks yet.
            return today === 'lags' && call.method === 'eth_getBlockByNumber' && call.params[0] !== 'latest'
              ? null
              : answer
          },
  }),
})

test('thousands of events are indexed once each, near and far, with restarts on the way', () =>
  scene(async ({ belfry, store, indexer }) => {
    const tower = await belfry(['--gas-limit', '100000000'])
    await tower.ringMany(200)
    for (let i = 0; i < 40; i++) await tower.ringMany(30)
    await tower.rpc('anvil_mine', '0x64')
    await tower.ringMany(10)
    const truth = await tower.events()
    assert.ok(truth.length > 2_800)

    const whole = await store()
    const first = await indexer(whole, tower, { keep: 16, range: 7 })
    await first.reached()
    assert.equal(first.status().state, 'following')
    const reader = folding()
    await reader.advance(first, 100)
    assert.deepEqual(reader.held(), truth)
    assert.deepEqual((await first.events({ subject: 'number:7' })).map(bare), [truth[13]!])
    assert.equal((await first.events({ contract: 'bell', names: ['Pair'] })).length, truth.length / 2)

    const parts = await store()
    for (let run = 0; run < 12; run++) {
      const part = await indexer(parts, tower, { keep: 16, range: 5 })
      await part.reached(run * 12).catch(() => undefined)
      await part.stop()
    }
    const last = await indexer(parts, tower, { keep: 16, range: 3 })
    await last.reached()
    assert.equal(await dumpIndex(parts.query), await dumpIndex(whole.query))
  }))

test('a reorganisation takes back its events, and readers learn of it', () =>
  scene(async ({ belfry, store, indexer }) => {
    const tower = await belfry()
    const follower = await indexer(await store(), tower)
    const reader = folding()
    await tower.ring('stays')
    for (let i = 0; i < 5; i++) await tower.ring(`goes ${i}`)
    await follower.reached()
    await reader.advance(follower)
    const before = reader.held()
    assert.equal(before.length, 6)
    await tower.rpc('anvil_reorg', 5, [])
    await tower.ring('comes')
    await follower.reached()
    await eventually(async () => {
      await reader.advance(follower)
      assert.deepEqual(reader.held(), await tower.events())
    })
    assert.equal(reader.held().length, 2)

    // Sideways: as long as before, with other blocks, and nothing of ours in them.
    const snapshot = await tower.rpc<string>('evm_snapshot')
    await tower.ring('undone')
    await follower.reached()
    await reader.advance(follower)
    assert.equal(reader.held().length, 3)
    await tower.rpc('evm_revert', snapshot)
    await tower.rpc('evm_increaseTime', 7)
    await tower.rpc('anvil_mine', '0x1')
    await eventually(async () => {
      await reader.advance(follower)
      assert.deepEqual(reader.held(), await tower.events())
    })
  }))

test('a subscription gives everything once, across rollbacks, and ends with its signal', () =>
  scene(async ({ belfry, store, indexer }) => {
    const tower = await belfry()
    const follower = await indexer(await store(), tower)
    const stop = new AbortController()
    let held: ChainEvent[] = []
    const reading = (async () => {
      for await (const { rolledBackTo, events } of follower.follow(undefined, {
        signal: stop.signal,
        limit: 2,
      })) {
        if (rolledBackTo !== undefined) held = held.filter(({ block }) => block <= rolledBackTo)
        held.push(...events)
      }
    })()
    for (let i = 0; i < 7; i++) await tower.ring(`${i}`)
    await eventually(async () => assert.equal(held.length, 7))
    await tower.rpc('anvil_reorg', 3, [])
    await tower.ring('after')
    await eventually(async () => assert.deepEqual(held.map(bare), await tower.events()))
    stop.abort()
    await reading
  }))

test('what is deeper than the kept hashes is indexed anew from the beginning', () =>
  scene(async ({ belfry, store, indexer }) => {
    const tower = await belfry()
    await tower.ring('stays')
    const snapshot = await tower.rpc<string>('evm_snapshot')
    const follower = await indexer(await store(), tower, { keep: 3 })
    const reader = folding()
    for (let i = 0; i < 8; i++) await tower.ring(`goes ${i}`)
    await follower.reached()
    await reader.advance(follower)
    await tower.rpc('evm_revert', snapshot)
    await tower.rpc('evm_increaseTime', 5)
    for (let i = 0; i < 9; i++) await tower.ring(`comes ${i}`)
    await eventually(async () => {
      await reader.advance(follower)
      assert.deepEqual(reader.held(), await tower.events())
    })
  }))

test('a chain that was restarted from an older copy is followed back, and a lagging server is waited for', () =>
  scene(async ({ belfry, copy, store, indexer }) => {
    const tower = await belfry()
    await tower.ring('stays')
    const dump = await tower.rpc<Hex>('anvil_dumpState')
    for (let i = 0; i < 4; i++) await tower.ring(`lost ${i}`)
    const store_ = await store()
    let lagging = false
    const weather = throughBadWeather(tower.connection, () => (lagging ? 'lags' : 'fair'))
    const follower = await indexer(store_, tower, { chain: weather })
    await follower.reached()
    lagging = true
    await new Promise((resolve) => setTimeout(resolve, 60))
    lagging = false
    await follower.reached()
    const { revision } = (await follower.eventsSince()).cursor
    const { port } = tower.chain
    await tower.chain.stop()
    await eventually(async () => assert.equal(follower.status().state, 'failing'))
    const again = await copy(dump, tower.bell, { port })
    await eventually(async () => assert.equal(follower.status().indexedTo, 2))
    assert.deepEqual((await follower.events({})).map(bare), await again.events())
    assert.equal((await follower.eventsSince()).cursor.revision, revision + 1)
    await again.ring('goes on')
    await follower.reached()
    assert.deepEqual((await follower.events({})).map(bare), await again.events())
    await follower.stop()

    // A chain that began anew is no reorganisation: nothing of it belongs into this store.
    const stranger = await belfry(['--timestamp', '1000'])
    await assert.rejects(indexer(store_, stranger), { code: 'store-foreign' })
  }))

test('blocks are indexed when they have the confirmations that were asked for', () =>
  scene(async ({ belfry, store, indexer }) => {
    const tower = await belfry()
    const follower = await indexer(await store(), tower, { confirmations: 3 })
    await tower.ring('waits')
    await follower.reached()
    assert.equal((await follower.events({})).length, 0)
    await tower.rpc('anvil_mine', '0x3')
    await follower.reached()
    assert.equal((await follower.events({ subject: `what:${word('waits')}` })).length, 1)
  }))

test('other contracts, or more events, make the index anew', () =>
  scene(async ({ belfry, store, indexer }) => {
    const tower = await belfry()
    await tower.ringMany(3)
    const store_ = await store()
    const abi = tower.contract.abi.filter((item) => !('name' in item) || item.name !== 'Pair')
    const few = await indexer(store_, tower, { contracts: [{ ...tower.contract, abi }] })
    await few.reached()
    const reader = folding()
    await reader.advance(few)
    assert.equal(reader.held().length, 3)
    await few.stop()
    const all = await indexer(store_, tower)
    await all.reached()
    await reader.advance(all)
    assert.deepEqual(reader.held(), await tower.events())
  }))

test('whatever chain and server do, the index ends as the chain is: seeds', {
  timeout: 900_000,
}, async (t) => {
  const seeds = process.env.LOCKSTEP_NIGHTLY ? 40 : 4
  for (let seed = 1; seed <= seeds; seed++) {
    await t.test(`seed ${seed}`, () =>
      scene(async ({ belfry, store, indexer }) => {
        const below = numbersFrom(seed)
        const tower = await belfry()
        let rough = true
        const weather = throughBadWeather(tower.connection, () => {
          const today = rough ? below(30) : 29
          return today === 0 ? 'fails' : today === 1 ? 'lags' : 'fair'
        })
        const options = { chain: weather, keep: 12, range: 4, patience: 40, pollingInterval: 3 }
        const store_ = await store()
        let follower = await indexer(store_, tower, options)
        const reader = folding()
        const snapshots: string[] = []
        for (let act = 0; act < 60; act++) {
          const kind = below(12)
          if (kind < 5) await tower.ring(`${act}`)
          else if (kind < 7) await tower.rpc('anvil_mine', `0x${(1 + below(6)).toString(16)}`)
          else if (kind < 8) snapshots.push(await tower.rpc<string>('evm_snapshot'))
          else if (kind < 9 && snapshots.length > 0) {
            const back = snapshots.splice(below(snapshots.length))[0]
            await tower.rpc('evm_revert', back)
            await tower.rpc('evm_increaseTime', 1 + below(50))
          } else if (kind < 10) {
            const depth = 1 + below(Math.min(8, Number(await tower.rpc<Hex>('eth_blockNumber'))))
            await tower.rpc('anvil_reorg', depth, []).catch(() => undefined)
            // Anvil goes back to a snapshot whose block it has reorganised, and builds on a block that is not there.
            snapshots.length = 0
          } else if (kind < 11) {
            await follower.stop()
            follower = await indexer(store_, tower, { ...options, chain: tower.connection })
            await follower.stop()
            follower = await indexer(store_, tower, options)
          } else await reader.advance(follower, 1 + below(5))
        }
        await tower.rpc('anvil_mine', '0x20')
        rough = false
        await eventually(async () => {
          await follower.reached()
          await reader.advance(follower)
          assert.deepEqual(reader.held(), await tower.events())
        }, 20_000)
        const fresh = await store()
        const second = await indexer(fresh, tower, { ...options, chain: tower.connection, range: 100 })
        await second.reached()
        assert.equal(await dumpIndex(store_.query), await dumpIndex(fresh.query))
      }),
    )
  }
})

test('SQLite and PostgreSQL hold the same index, byte for byte', async (t) => {
  const place = await postgresPlace()
  if (typeof place === 'string') {
    t.skip(place)
    return
  }
  t.after(place.stop)
  await scene(async ({ belfry, store, indexer }) => {
    const tower = await belfry()
    await tower.ringMany(40)
    for (let i = 0; i < 30; i++) await tower.ring(`${i}`)
    const stores = [await store(), await store(place.fresh())]
    const followers = await Promise.all(stores.map((held) => indexer(held, tower, { keep: 8, range: 5 })))
    await Promise.all(followers.map((follower) => follower.reached()))
    await tower.rpc('anvil_reorg', 4, [])
    await tower.ringMany(3)
    await Promise.all(
      followers.map(async (follower) =>
        eventually(async () => {
          await follower.reached()
          assert.deepEqual((await follower.events({})).map(bare), await tower.events())
        }),
      ),
    )
    const [first, second] = await Promise.all(stores.map(({ query }) => dumpIndex(query)))
    assert.equal(first, second)
  })
})

test('a chain that contradicts itself is reported, and left again when it is in order', () =>
  scene(async ({ belfry, store, indexer }) => {
    const tower = await belfry()
    await tower.ring('one')
    let mad = true
    const { reader, chainId } = tower.connection
    const chain: ChainReader = {
      chainId,
      reader: new Proxy(reader, {
        get: (held, name) =>
          name !== 'request'
            ? held[name as keyof typeof held]
            : async (call: { readonly method: string; readonly params: readonly unknown[] }) => {
                const answer = await held.request(call as never)
                return mad && call.params[0] === '0x2'
                  ? { ...(answer as object), parentHash: word('somewhere') }
                  : answer
              },
      }),
    }
    const follower = await indexer(await store(), tower, { chain, pollingInterval: 2 })
    await eventually(async () =>
      assert.match(follower.status().fault ?? '', /block 2 does not follow block 1/),
    )
    assert.equal((await follower.events({})).length, 0)
    mad = false
    await follower.reached()
    assert.equal((await follower.events({})).length, 1)
  }))

test('the clock is that of the next block', () =>
  scene(async ({ belfry }) => {
    const tower = await belfry(['--timestamp', '5000000'])
    const clock = chainClock(tower.connection)
    assert.equal(clock.now(), 0)
    const first = await clock.look()
    assert.ok(first >= 5_000_000 && first < 5_000_060, `${first}`)
    await tower.rpc('evm_increaseTime', 1_000)
    const later = await clock.look()
    assert.ok(later >= 5_001_000 && later - clock.now() <= 1)
  }))

/** Tries again until it holds, at most so many milliseconds. */
const eventually = async (holds: () => Promise<void>, timeout = 120_000): Promise<void> => {
  const until = performance.now() + timeout
  for (;;) {
    try {
      return await holds()
    } catch (error) {
      if (performance.now() > until) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
