/** Swarms: their manifest, what it means on the chain, and what participants say to each other. */
export { modelOf } from '../manifest/model-schema.ts'
export { fetchSwarmManifest, serveSwarmManifests, swarmManifestProtocol } from './manifest-protocol.ts'
export {
  type SwarmMessage,
  type SwarmMetricsMessage,
  swarmMessage,
  swarmPartOf,
  swarmParts,
  swarmPartTopic,
  swarmsTopic,
} from './message.ts'
export { type OwnModel, parseOwnModel, withOwnModel } from './own-model.ts'
export { canonicalSwarmManifest, parseSwarmManifest, swarmManifestHash } from './parse.ts'
export { type SwarmManifest, swarmManifestSchema } from './schema.ts'
export { type SwarmTermsAt, swarmTermsOf } from './terms.ts'
