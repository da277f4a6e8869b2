import type { GptConfig } from '../gpt/config.ts'
import type { HubLayout, HubTensor } from './layout.ts'

const EPSILON = 1e-5

/** GPT-2 as the hub has it: matrices are (in, out), as ours are. */
export const gpt2Layout: HubLayout<GptConfig> = {
  type: 'gpt2',
  prefix: 'transformer.',
  configFrom: (fields) => {
    const width = fields.number('n_embd')
    const inner = fields.number('n_inner', 4 * width)
    const activation = fields.text('activation_function')
    if (activation !== 'gelu' && activation !== 'gelu_new')
      throw fields.fault('activation_function', activation, 'gelu or gelu_new', 'hub-unsupported')
    const dropout = fields.number('resid_pdrop', 0.1)
    for (const name of ['embd_pdrop', 'attn_pdrop'])
      if (fields.number(name, 0.1) !== dropout)
        throw fields.fault(name, fields.number(name, 0.1), `resid_pdrop, ${dropout}`, 'hub-unsupported')
    fields.fixed('layer_norm_epsilon', EPSILON)
    fields.fixed('scale_attn_weights', true)
    fields.fixed('scale_attn_by_inverse_layer_idx', false)
    fields.fixed('reorder_and_upcast_attn', false)
    fields.fixed('add_cross_attention', false)
    fields.fixed('tie_word_embeddings', true)
    fields.ignore([
      'n_ctx',
      'summary_activation',
      'summary_first_dropout',
      'summary_proj_to_labels',
      'summary_type',
      'summary_use_proj',
    ])
    return {
      vocab: fields.number('vocab_size'),
      context: fields.number('n_positions'),
      width,
      layers: fields.number('n_layer'),
      heads: fields.number('n_head'),
      dropout,
      ...(inner === 4 * width ? {} : { inner }),
      ...(activation === 'gelu' ? {} : { activation }),
    }
  },
  fieldsOf: ({ vocab, context, width, layers, heads, dropout, inner, activation = 'gelu' }) => ({
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    vocab_size: vocab,
    n_positions: context,
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    n_inner: inner ?? null,
    activation_function: activation,
    resid_pdrop: dropout,
    embd_pdrop: dropout,
    attn_pdrop: dropout,
    layer_norm_epsilon: EPSILON,
    scale_attn_weights: true,
    tie_word_embeddings: true,
    bos_token_id: null,
    eos_token_id: null,
  }),
  tensorsOf: ({ layers }) => [
    same('token.embedding', 'wte.weight'),
    same('position.embedding', 'wpe.weight'),
    ...Array.from({ length: layers }, (_, l) => [
      ...norm(`layer.${l}.attention.norm`, `h.${l}.ln_1`),
      ...dense(`layer.${l}.attention.qkv`, `h.${l}.attn.c_attn`),
      ...dense(`layer.${l}.attention.out`, `h.${l}.attn.c_proj`),
      ...norm(`layer.${l}.mlp.norm`, `h.${l}.ln_2`),
      ...dense(`layer.${l}.mlp.in`, `h.${l}.mlp.c_fc`),
      ...dense(`layer.${l}.mlp.out`, `h.${l}.mlp.c_proj`),
    ]).flat(),
    ...norm('norm', 'ln_f'),
  ],
  isBuffer: (name) => /^h\.\d+\.attn\.(masked_)?bias$/.test(name),
  tiedTo: () => 'wte.weight',
}

const same = (ours: string, theirs: string): HubTensor => ({ ours, theirs, turned: false })
const norm = (ours: string, theirs: string): HubTensor[] => [
  same(`${ours}.gain`, `${theirs}.weight`),
  same(`${ours}.bias`, `${theirs}.bias`),
]
const dense = (ours: string, theirs: string): HubTensor[] => [
  same(`${ours}.weight`, `${theirs}.weight`),
  same(`${ours}.bias`, `${theirs}.bias`),
]
