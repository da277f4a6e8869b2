import type { Profiler } from 'node:inspector'

/** What a participant's processor time goes to. */
export const PARTS = ['chain', 'gossip', 'hearing', 'generation', 'learning', 'own', 'rest'] as const
export type PartName = (typeof PARTS)[number]
export type Seconds = Readonly<Record<PartName, number>>

/** Which part the code of a file belongs to; what is not here belongs to whoever has called it. */
const PLACES: readonly (readonly [PartName, RegExp])[] = [
  ['learning', /swarm\/src\/learn\/(?:update|lesson|select|warm-start)\.ts/],
  ['generation', /swarm\/src\/learn\/generate\.ts/],
  ['hearing', /node\/src\/swarm\/(?:hearing|inbox|doubting)\.ts|swarm\/src\/(?:share|machine|tasks)\//],
  ['chain', /packages\/contracts\/|node_modules\/(?:viem|ox|abitype)\/|^node:_http|^node:http/],
  ['chain', /node\/src\/swarm\/(?:follow|view)\.ts/],
  ['gossip', /packages\/network\/|node_modules\/(?:libp2p|@libp2p|@chainsafe|@multiformats|multiformats)\//],
  ['gossip', /node_modules\/(?:it-|protons|uint8|abortable|race-|progress-|p-|any-signal|main-event)/],
  ['own', /packages\/node\/|packages\/swarm\/|packages\/client\//],
]

export const partOf = (url: string): PartName | undefined => PLACES.find(([, place]) => place.test(url))?.[0]

type Node = Profiler.ProfileNode

/** Shares of the samples of a profile, by the innermost caller of which it is known what it belongs to. */
export const sharesOf = ({ nodes, samples = [] }: Profiler.Profile): Seconds => {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const part = new Map<number, PartName>()
  const walk = (node: Node, above: PartName): void => {
    const { url, functionName } = node.callFrame
    const own = functionName === '(idle)' ? undefined : partOf(url)
    const mine = own ?? above
    part.set(node.id, mine)
    for (const child of node.children ?? []) walk(byId.get(child)!, mine)
  }
  walk(nodes[0]!, 'rest')
  const counts = Object.fromEntries(PARTS.map((name) => [name, 0])) as Record<PartName, number>
  let busy = 0
  for (const id of samples) {
    if (byId.get(id)!.callFrame.functionName === '(idle)') continue
    counts[part.get(id)!]++
    busy++
  }
  for (const name of PARTS) counts[name] /= Math.max(1, busy)
  return counts
}
