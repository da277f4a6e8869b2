/** A requester as a process of its own, for tests that kill it: `node client-main.ts FILE`. Tells its stages as JSON. */
import { readFileSync } from 'node:fs'
import { openClient, type PostStage, parseManifest, planJob } from '@lockstep/client'
import { hashBlob } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { privateKeyToAccount } from 'viem/accounts'
import type { ClientFile } from './members.ts'

const file = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as ClientFile
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const blobId = (blob: Uint8Array): string => hashBlob(blob).id
const plan = planJob(parseManifest(bytes(JSON.stringify(file.manifest))), bytes(file.text), {
  blobId,
  throughput: 1e9,
})
process.stdin.once('close', () => process.kill(process.pid, 'SIGKILL')).resume()
const say = (msg: string, more: object = {}): void =>
  void process.stdout.write(`${JSON.stringify({ msg, ...more })}\n`)
const tell = ({ stage, ...more }: PostStage): void => say(stage, 'escrow' in more ? { job: more.job } : more)

const client = await openClient({
  network: file.network,
  account: privateKeyToAccount(file.key),
})
if (file.job === undefined) unwrap(await client.post(plan, tell))
else {
  for (let i = 0; i < 200 && client.peer.peers().length === 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 100))
  unwrap(await client.publish(file.job, plan, tell))
}
say('done')
await client.close()
process.exit(0)
