/** Swarms: their manifest, what it means on the chain, and what participants say to each other. */
export { modelOf } from '../manifest/model-schema.ts'
export {
  type SwarmMessage,
  swarmMessage,
  swarmPartOf,
  swarmParts,
  swarmPartTopic,
  swarmsTopic,
} from './message.ts'
export { canonicalSwarmManifest, parseSwarmManifest, swarmManifestHash } from './parse.ts'
export { type SwarmManifest, swarmManifestSchema } from './schema.ts'
export { type SwarmTermsAt, swarmTermsOf } from './terms.ts'
