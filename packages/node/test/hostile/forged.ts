import { randomBytes } from 'node:crypto'
import { fromBidText, toBidText } from '@lockstep/client'
import type { Address, Bid } from '@lockstep/market'
import type { Hex } from 'viem'
import { Secret } from '../../src/keys/secret.ts'
import type { Stage } from './stage.ts'

/** A message that fits its schema and says what is not so. */
export type Forged = {
  readonly what: string
  readonly body: unknown
  /** What it costs who hands it in. Nothing where an honest peer may not know better: then it is only dropped. */
  readonly costs: 'rejected' | 'nothing'
}

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/** For each topic what its messages can be forged in. */
export const FORGED: {
  readonly [topic: string]: (stage: Stage) => Promise<readonly Forged[]> | readonly Forged[]
} = {
  jobs: ({ announcement }) => {
    const { manifest } = announcement
    const other = (changed: string) => ({ ...announcement, manifest: changed })
    return [
      { what: 'another manifest', body: other(manifest.replace('small', 'smell')), costs: 'rejected' },
      { what: 'a manifest and a space', body: other(`${manifest} `), costs: 'rejected' },
      { what: 'a manifest of nothing', body: other('{}'), costs: 'rejected' },
      { what: 'a job that there is not', body: { ...announcement, job: 4711 }, costs: 'nothing' },
    ]
  },

  bids: async ({ bid: good, sign, provider, dead, now, job }) => {
    const { bid } = fromBidText(good)
    const { account, key } = provider
    const address = (secret: Secret): Address => secret.address.toLowerCase() as Address
    const stranger = Secret.generate()
    const cheap: Bid = { ...bid, pricePerUnit: 1n, expiry: bid.expiry + 1 }
    const by = async (signer: Secret, changed: Bid, place?: Parameters<Stage['sign']>[2]) =>
      toBidText({ bid: changed, signature: await sign(signer, changed, place) })
    const offered = async (kind: keyof typeof dead) => {
      const [owner, lent] = dead[kind]
      return by(lent, { ...cheap, account: address(owner), key: address(lent) })
    }
    const signed = await by(key, cheap)
    const [r, s, v] = [
      signed.signature.slice(2, 66),
      signed.signature.slice(66, 130),
      signed.signature.slice(130),
    ]
    const mirrored = (ORDER - BigInt(`0x${s}`)).toString(16).padStart(64, '0')
    return [
      { what: 'signed by somebody else', body: await by(stranger, cheap), costs: 'rejected' },
      {
        what: 'signed by the account in place of the key',
        body: await by(account, cheap),
        costs: 'rejected',
      },
      {
        what: 'changed after it was signed',
        body: toBidText({ bid: { ...cheap, pricePerUnit: 2n }, signature: signed.signature }),
        costs: 'rejected',
      },
      {
        what: 'the signature of another bid',
        body: toBidText({ bid: cheap, signature: good.signature }),
        costs: 'rejected',
      },
      {
        what: 'a signature mirrored on the curve',
        body: { ...signed, signature: `0x${r}${mirrored}${v === '1b' ? '1c' : '1b'}` },
        costs: 'rejected',
      },
      {
        what: 'a signature of zeros',
        body: { ...signed, signature: `0x${'00'.repeat(65)}` },
        costs: 'rejected',
      },
      { what: 'a signature of one byte', body: { ...signed, signature: '0x1b' }, costs: 'rejected' },
      {
        what: 'signed for another market',
        body: await by(key, cheap, { contract: `0x${'66'.repeat(20)}` }),
        costs: 'rejected',
      },
      { what: 'signed for another chain', body: await by(key, cheap, { chainId: 1 }), costs: 'rejected' },
      {
        what: 'for an account that never delegated to the key',
        body: await by(stranger, { ...cheap, key: address(stranger) }),
        costs: 'nothing',
      },
      {
        what: 'for an account that has staked nothing',
        body: await by(stranger, { ...cheap, account: address(stranger), key: address(stranger) }),
        costs: 'nothing',
      },
      { what: 'by a key that was revoked', body: await offered('revoked'), costs: 'nothing' },
      { what: 'by a delegation whose time is over', body: await offered('expired'), costs: 'nothing' },
      { what: 'by a key that may only audit', body: await offered('outOfScope'), costs: 'nothing' },
      {
        what: 'for an account that has revoked the key for good',
        body: await by(dead.revoked[1], {
          ...cheap,
          account: address(dead.revoked[1]),
          key: address(dead.revoked[1]),
        }),
        costs: 'nothing',
      },
      { what: 'expired', body: await by(key, { ...cheap, expiry: (await now()) - 1 }), costs: 'nothing' },
      {
        what: 'for a job that there is not',
        body: await by(key, { ...cheap, job: job + 4711 }),
        costs: 'nothing',
      },
    ]
  },

  histories: ({ history }) => {
    const random = (): Hex => `0x${randomBytes(32).toString('hex')}`
    const { items, checkpoints } = history
    return [
      { what: 'another item', body: { ...history, items: [random(), ...items.slice(1)] }, costs: 'rejected' },
      { what: 'items in another order', body: { ...history, items: items.toReversed() }, costs: 'rejected' },
      { what: 'an item more', body: { ...history, items: [...items, random()] }, costs: 'rejected' },
      {
        what: 'too many checkpoints',
        body: { ...history, checkpoints: [...checkpoints, history.state] },
        costs: 'rejected',
      },
      { what: 'no checkpoints', body: { ...history, checkpoints: [] }, costs: 'rejected' },
      { what: "another job's number", body: { ...history, job: history.job + 1 }, costs: 'rejected' },
      { what: "another slice's number", body: { ...history, slice: 1 }, costs: 'rejected' },
      { what: 'a claim that there is not', body: { ...history, claim: random() }, costs: 'nothing' },
    ]
  },

  // Nobody can check how far a run is, and nothing follows from it.
  progress: () => [],

  // Who may share what is checked by a swarm's participants: others only see whether it can be read at all.
  swarms: () => [
    { what: 'a group of no bytes', body: { kind: 'group', swarm: 1, group: 'AAAA' }, costs: 'rejected' },
    {
      what: 'a group as long as can be',
      body: { kind: 'group', swarm: 1, group: 'AQEB'.repeat(2_730) },
      costs: 'rejected',
    },
  ],
}
