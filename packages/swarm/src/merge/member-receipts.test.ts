import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from '@lockstep/proof'
import type { UpdateReceipt } from '../learn/receipt.ts'
import type { LineageMember } from './lineage.ts'
import { memberReceipts, receiptDigest, receiptsTo } from './member-receipts.ts'

const root = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
const account: Hex = `0x${'0a'.repeat(20)}`
const receiptOf = (round: number, from: number, to: number): UpdateReceipt => ({
  ...{ participant: account, swarm: 7, round, steps: 4, program: root(1), outputs: root(2) },
  before: { state: root(from), parameters: root(from + 100) },
  after: { state: root(to), parameters: root(to + 100) },
  inputs: [3, 4, 5, 6, 7].map(root),
  groups: [root(8)],
})
// It had nothing to learn in round 2.
const receipts = [receiptOf(1, 10, 11), receiptOf(3, 11, 12), receiptOf(4, 12, 13)]
const member: LineageMember = {
  ...{ name: account, build: 0, round: 4, modelRoot: root(113), receipts: receipts.map(receiptDigest) },
  ...{ validation: 0, heldOut: 0 },
}
const swarm = { chainId: 1, market: account, number: 7, manifest: root(9) }
const fieldsOf = (of: Partial<LineageMember>, given: readonly (readonly UpdateReceipt[] | undefined)[]) =>
  memberReceipts({ members: [{ ...member, ...of }], swarm }, given).map(({ field }) => field)
const named = (given: readonly UpdateReceipt[]): Partial<LineageMember> => ({
  receipts: given.map(receiptDigest),
})

test("receipts lead from one state to the next and to the member's model; who has none says nothing", () => {
  assert.deepEqual(fieldsOf({}, [receipts]), [])
  assert.deepEqual(fieldsOf({}, []), [])
  assert.deepEqual(fieldsOf({ receipts: [] }, [[]]), [])
})

test('a receipt that is missing, changed, of another, out of order or of another model is named', () => {
  assert.deepEqual(fieldsOf({}, [receipts.slice(1)]).slice(0, 2), [
    'members[0].receipts',
    'members[0].receipts[0]',
  ])
  assert.deepEqual(fieldsOf({}, [receipts.with(1, { ...receipts[1]!, steps: 5 })]), [
    'members[0].receipts[1]',
  ])
  const theirs = receipts.map((one) => ({ ...one, participant: `0x${'0b'.repeat(20)}` as const }))
  assert.equal(fieldsOf(named(theirs), [theirs])[0], 'members[0].receipts[0].participant')
  const elsewhere = receipts.map((one) => ({ ...one, swarm: 8 }))
  assert.equal(fieldsOf(named(elsewhere), [elsewhere])[0], 'members[0].receipts[0].swarm')
  const gap = [receipts[0]!, receipts[2]!]
  assert.deepEqual(fieldsOf(named(gap), [gap]), ['members[0].receipts[1].before.state'])
  const twice = receipts.with(1, { ...receipts[1]!, round: 1 })
  assert.deepEqual(fieldsOf(named(twice), [twice]), ['members[0].receipts[1].round'])
  assert.deepEqual(fieldsOf({ modelRoot: root(5) }, [receipts]), ['members[0].modelRoot'])
  assert.deepEqual(fieldsOf({ round: 3 }, [receipts]), ['members[0].round'])
})

test("of all receipts those that lead to the member's model are found, and no others", () => {
  const strange = { ...receiptOf(2, 11, 12), participant: `0x${'0b'.repeat(20)}` as const }
  const elsewhere = { ...receiptOf(2, 11, 12), swarm: 8 }
  const given = [receipts[2]!, strange, receiptOf(2, 20, 21), receipts[0]!, elsewhere, receipts[1]!]
  assert.deepEqual(receiptsTo(member, 7, given), receipts)
  // Before a gap nothing leads anywhere.
  assert.deepEqual(receiptsTo(member, 7, [receipts[0]!, receipts[2]!]), [receipts[2]])
  assert.deepEqual(receiptsTo(member, 7, receipts.slice(0, 2)), [])
  assert.deepEqual(receiptsTo({ ...member, round: 3 }, 7, receipts), [])
  assert.deepEqual(
    receiptsTo({ ...member, round: 3, modelRoot: root(112) }, 7, receipts),
    receipts.slice(0, 2),
  )
})
