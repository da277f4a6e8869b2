import { stat } from 'node:fs/promises'
import { badInput } from '../cli-error.ts'
import { homeOf } from '../network/home.ts'
import { type NodeWishes, setUpNode, USUAL_NODE } from '../network/node-setup.ts'
import type { Terminal } from '../terminal.ts'

export type NodeInitOptions = NodeWishes & { readonly home?: string }

/** Writes the config of a node, to be changed before its first start. One that is there stays as it is. */
export const nodeInitCommand = async (options: NodeInitOptions, terminal: Terminal): Promise<void> => {
  const home = homeOf(options.home)
  const { name = USUAL_NODE } = options
  const file = home.node(name).config
  if (await stat(file).catch(() => undefined))
    throw badInput('file-exists', file, 'there already', 'a new file', 'Edit it, or give another --name.')
  const { config } = await setUpNode(home, options, terminal)
  terminal.say(`Wrote ${file}, with a word about every field.`)
  terminal.say(`Next: lockstep node check --name ${name}, then lockstep node run --name ${name}`)
  terminal.result({ node: name, config: file, roles: config.roles, http: config.http.port })
}
