import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addition } from '../tasks/addition.ts'
import { sorting } from '../tasks/sorting.ts'
import { type Offer, offeredFamilies, readOffer, scoreTerms } from './offer.ts'

const known = [sorting, addition]
const offer: Offer = {
  families: offeredFamilies([
    { family: addition, level: 2 },
    { family: sorting, level: 1 },
  ]),
  proof: scoreTerms(),
}

test('an honest offer names families that one has', () => {
  const read = readOffer(offer, known)
  assert.ok(read.ok)
  assert.deepEqual(
    read.families.map(({ family, level }) => [family.name, level]),
    [
      [addition.name, 2],
      [sorting.name, 1],
    ],
  )
})

test('an offer by which true scores could come out false is refused, with what is wrong', () => {
  const { proof, families } = offer
  const wrong: readonly [Partial<Offer>, string][] = [
    [{ proof: { ...proof, steps: 1_024 } }, 'proof.steps'],
    [{ proof: { ...proof, segmentLength: 1 } }, 'proof.segmentLength'],
    [{ proof: { ...proof, initialItem: `0x${'12'.repeat(32)}` } }, 'proof.initialItem'],
    [{ proof: { ...proof, header: { ...proof.header, nodes: 1 } } }, 'proof.header.nodes'],
    [
      { proof: { ...proof, header: { ...proof.header, itemsRoot: new Uint8Array(32) } } },
      'proof.header.itemsRoot',
    ],
    [{ families: [...families, { code: `0x${'ab'.repeat(32)}`, level: 1 }] }, 'families.2.code'],
    [{ families: [{ ...families[0]!, level: 99 }] }, 'families.0.level'],
    [{ families: [] }, 'families'],
  ]
  for (const [change, field] of wrong) {
    const read = readOffer({ ...offer, ...change }, known)
    assert.ok(!read.ok)
    assert.equal(read.fault.field, field)
  }
})
