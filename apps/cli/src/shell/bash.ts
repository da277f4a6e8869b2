/** Text as one word of bash. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Alt and a small letter that readline has nothing on by default. */
export const DEFAULT_KEY = 'o'

/**
 * What bash reads so that Alt and a key complete a line. One process stays beside the shell and ends with it; bash talks to it
 * over a pipe, and goes on without it where it does not answer in time. A line is only ever written, never run.
 */
export const bashScript = (
  command: readonly string[],
  key: string = DEFAULT_KEY,
): string => `# Lockstep's shell assistant. Everything stays on this machine.
__lockstep_number= __lockstep_typed= __lockstep_shown= __lockstep_turn=0 __lockstep_id=0
__lockstep_start() {
  [[ -n \${__LOCKSTEP_PID-} ]] && kill -0 "$__LOCKSTEP_PID" 2>/dev/null && return
  { coproc __LOCKSTEP { exec ${command.map(quoted).join(' ')} 2>/dev/null; }; } 2>/dev/null
  disown "$__LOCKSTEP_PID" 2>/dev/null
}
__lockstep_tell() {
  __lockstep_start
  [[ -n \${__LOCKSTEP[1]-} ]] || return
  local before; before=$(trap -p PIPE)
  trap '' PIPE
  printf '%s\\0' "$@" >&"\${__LOCKSTEP[1]}" 2>/dev/null
  local status=$?
  trap - PIPE; eval "$before"
  return $status
}
__lockstep_offer() {
  local reply
  if [[ -n $__lockstep_shown && $READLINE_LINE == "$__lockstep_shown" ]]; then
    __lockstep_turn=$((__lockstep_turn + 1))
  else
    __lockstep_typed=$READLINE_LINE __lockstep_turn=0
  fi
  __lockstep_id=$((__lockstep_id + 1))
  __lockstep_tell suggest "$__lockstep_id" "$__lockstep_turn" "$__lockstep_typed" || return
  while IFS= read -r -d '' -t "\${LOCKSTEP_SHELL_WAIT:-1}" -u "\${__LOCKSTEP[0]}" reply; do
    [[ $reply == "$__lockstep_id"$'\\t'* ]] || continue
    reply=\${reply#*$'\\t'}
    [[ -n $reply ]] && __lockstep_shown=$reply READLINE_LINE=$reply READLINE_POINT=\${#reply}
    return
  done
}
__lockstep_ran() {
  local status=$? entry
  entry=$(HISTTIMEFORMAT= builtin history 1)
  if [[ $entry =~ ^[[:space:]]*([0-9]+)[*]?[[:space:]]+(.*)$ ]]; then
    if [[ -n $__lockstep_number && \${BASH_REMATCH[1]} != "$__lockstep_number" ]]; then
      __lockstep_number=\${BASH_REMATCH[1]}
      __lockstep_tell ran "$__lockstep_shown" "$__lockstep_typed" "\${BASH_REMATCH[2]}"
    fi
    __lockstep_number=\${__lockstep_number:-\${BASH_REMATCH[1]}}
  fi
  : "\${__lockstep_number:=0}"
  __lockstep_shown= __lockstep_typed= __lockstep_turn=0
  return $status
}
if [[ $- == *i* && \${BASH_VERSINFO[0]} -ge 4 ]]; then
  PROMPT_COMMAND="__lockstep_ran\${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
  bind -x '"\\e${key}": __lockstep_offer'
  __lockstep_start
fi
`
