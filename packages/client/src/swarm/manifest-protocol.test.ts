import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fail, ok, type Result } from '@lockstep/tensor'
import { fetchSwarmManifest, serveSwarmManifests } from './manifest-protocol.ts'
import { canonicalSwarmManifest, parseSwarmManifest, swarmManifestHash } from './parse.ts'

const manifest = parseSwarmManifest(new TextEncoder().encode('families: [{family: sorting}]'))
const other = parseSwarmManifest(new TextEncoder().encode('families: [{family: sorting}]\nseed: 2'))
const hash = swarmManifestHash(manifest)

type Handler = (asked: { hash: string }) => Result<{ manifest: string }>
/** Peers by name, each with what it answers; and who was penalised. */
const network = (answers: { readonly [peer: string]: Handler }) => {
  const penalised: string[] = []
  const asked: string[] = []
  const peer = {
    peers: () => Object.keys(answers).map((id) => ({ id })),
    penalise: (id: string) => void penalised.push(id),
    protocol: () => ({
      serve: () => {},
      request: async (id: string, message: { hash: string }) => {
        asked.push(id)
        return answers[id]!(message)
      },
    }),
  } as unknown as Parameters<typeof fetchSwarmManifest>[0]
  return { peer, penalised, asked }
}
const served = (...manifests: Parameters<typeof serveSwarmManifests>[1]): Handler => {
  let handler: Handler | undefined
  const serve = (one: Handler): void => {
    handler = one
  }
  const protocol = () => ({ serve })
  serveSwarmManifests({ protocol } as never, manifests)
  return handler!
}

test('a manifest is had of the first peer that has it, and only if its hash is the one that was asked for', async () => {
  const away: Handler = () => fail({ code: 'peer-unreachable', field: '', value: '', limit: '', remedy: '' })
  const { peer, penalised, asked } = network({
    away,
    empty: served(other),
    liar: () => ok({ manifest: canonicalSwarmManifest(other) }),
    garbler: () => ok({ manifest: 'families: 7' }),
    honest: served(other, manifest),
    late: () => assert.fail('one was enough'),
  })
  const found = await fetchSwarmManifest(peer, hash, 0)
  assert.ok(found.ok)
  assert.deepEqual(found.value, manifest)
  assert.deepEqual(penalised, ['liar', 'garbler'])
  assert.deepEqual(asked, ['away', 'empty', 'liar', 'garbler', 'honest'])
})

test('where nobody has it, a fault says how many were asked', async () => {
  const none = await fetchSwarmManifest(network({ empty: served() }).peer, hash, 0)
  assert.ok(!none.ok)
  assert.match(String(none.fault.value), /asked 1 peers/)
  assert.match(none.fault.remedy, /--manifest/)
})
