import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Hex, toHex } from '@lockstep/proof'
import fc from 'fast-check'
import { concatHex, encodeAbiParameters, keccak256 } from 'viem'
import { answerCommitment, answerOf, isAudited, sealOf, segmentsOf, stepsOf } from './audit.ts'

const hex = (bytes: number): fc.Arbitrary<Hex> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(toHex)
const word = { type: 'uint256' } as const
const digest = { type: 'bytes32' } as const

test("a seat's segments are those that the contract draws, and always the last", () => {
  fc.assert(
    fc.property(
      hex(32),
      hex(32),
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 1, max: 300 }),
      fc.nat(7),
      (random, claim, auditRate, steps, seat) => {
        const task = { steps, segmentLength: 7 }
        const count = Math.ceil(steps / 7)
        const expected = Array.from({ length: count }, (_, s) => s).filter((s) => {
          const lot = keccak256(
            encodeAbiParameters([digest, digest, word, word], [random, claim, BigInt(seat), BigInt(s)]),
          )
          return s === count - 1 || BigInt(lot) % 10_000n < BigInt(auditRate)
        })
        const segments = segmentsOf({ random, claim, auditRate }, task, seat)
        assert.deepEqual(segments, expected)
        assert.ok(isAudited({ random, claim, auditRate }, task, seat, count - 1))
        if (auditRate === 10_000) assert.equal(stepsOf(task, segments), steps)
      },
    ),
    { numRuns: 40 },
  )
})

test('answers, their commitments and what a provider seals are what the contract hashes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { minLength: 1, maxLength: 9 }),
      hex(32),
      hex(32),
      hex(20),
      hex(20),
      fc.nat(7),
      (tallies, claim, salt, audits, account, seat) => {
        const place = { chainId: 31337, audits, claim }
        const answer = answerOf(tallies)
        assert.equal(toHex(answer), keccak256(concatHex(tallies.map(toHex))))
        const types = [word, { type: 'address' }, digest, word, { type: 'address' }, digest, digest] as const
        const values = [31337n, audits, claim, BigInt(seat), account, toHex(answer), salt] as const
        assert.equal(
          toHex(answerCommitment(place, seat, account, answer, salt)),
          keccak256(encodeAbiParameters(types, values)),
        )
        assert.equal(
          toHex(sealOf(place, salt, tallies)),
          keccak256(
            encodeAbiParameters(
              [word, { type: 'address' }, digest, digest, { type: 'bytes32[]' }],
              [31337n, audits, claim, salt, tallies.map(toHex)],
            ),
          ),
        )
      },
    ),
    { numRuns: 40 },
  )
})
