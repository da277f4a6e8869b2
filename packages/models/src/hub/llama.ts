import type { LlamaConfig } from '../llama/config.ts'
import type { HubFields } from './fields.ts'
import { HEAD, type HubLayout, type HubTensor } from './layout.ts'

/** Llama as the hub has it: matrices are (out, in), where ours are (in, out). */
export const llamaLayout: HubLayout<LlamaConfig> = {
  type: 'llama',
  prefix: 'model.',
  configFrom: (fields) => {
    const width = fields.number('hidden_size')
    const heads = fields.number('num_attention_heads')
    fields.fixed('hidden_act', 'silu')
    fields.fixed('head_dim', width / heads)
    fields.fixed('attention_bias', false)
    fields.fixed('mlp_bias', false)
    fields.fixed('attention_dropout', 0)
    fields.fixed('rope_scaling', undefined)
    fields.ignore(['pretraining_tp'])
    return {
      vocab: fields.number('vocab_size'),
      context: fields.number('max_position_embeddings'),
      width,
      layers: fields.number('num_hidden_layers'),
      heads,
      keyHeads: fields.number('num_key_value_heads', heads),
      inner: fields.number('intermediate_size'),
      theta: thetaIn(fields),
      epsilon: fields.number('rms_norm_eps'),
      tied: fields.boolean('tie_word_embeddings', false),
    }
  },
  fieldsOf: ({ vocab, context, width, layers, heads, keyHeads, inner, theta, epsilon, tied }) => ({
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: vocab,
    max_position_embeddings: context,
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyHeads,
    intermediate_size: inner,
    hidden_act: 'silu',
    rope_theta: theta,
    rope_scaling: null,
    rms_norm_eps: epsilon,
    attention_bias: false,
    mlp_bias: false,
    attention_dropout: 0,
    tie_word_embeddings: tied,
    bos_token_id: null,
    eos_token_id: null,
  }),
  tensorsOf: ({ layers, tied }) => [
    same('token.embedding', 'embed_tokens.weight'),
    ...Array.from({ length: layers }, (_, l) => [
      same(`layer.${l}.attention.norm.gain`, `layers.${l}.input_layernorm.weight`),
      turned(`layer.${l}.attention.query.weight`, `layers.${l}.self_attn.q_proj.weight`),
      turned(`layer.${l}.attention.key.weight`, `layers.${l}.self_attn.k_proj.weight`),
      turned(`layer.${l}.attention.value.weight`, `layers.${l}.self_attn.v_proj.weight`),
      turned(`layer.${l}.attention.out.weight`, `layers.${l}.self_attn.o_proj.weight`),
      same(`layer.${l}.mlp.norm.gain`, `layers.${l}.post_attention_layernorm.weight`),
      turned(`layer.${l}.mlp.gate.weight`, `layers.${l}.mlp.gate_proj.weight`),
      turned(`layer.${l}.mlp.up.weight`, `layers.${l}.mlp.up_proj.weight`),
      turned(`layer.${l}.mlp.down.weight`, `layers.${l}.mlp.down_proj.weight`),
    ]).flat(),
    same('norm.gain', 'norm.weight'),
    ...(tied ? [] : [turned('head.weight', HEAD)]),
  ],
  isBuffer: (name) => /^layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/.test(name),
  tiedTo: ({ tied }) => (tied ? 'embed_tokens.weight' : undefined),
}

/** Newer files have the base of the rotary frequencies in a map of its own. */
const thetaIn = (fields: HubFields): number => {
  const theta = fields.number('rope_theta', 10_000)
  const inner = fields.inner('rope_parameters')
  if (inner === undefined) return theta
  inner.fixed('rope_type', 'default')
  const own = inner.number('rope_theta', theta)
  inner.end()
  return own
}

const same = (ours: string, theirs: string): HubTensor => ({ ours, theirs, turned: false })
const turned = (ours: string, theirs: string): HubTensor => ({ ours, theirs, turned: true })
