# The playbook's commands: limited in time, tried again as the playbook says, never read by a shell.

# choose_limiter: use `timeout` where it is there and knows -k.
choose_limiter() {
  case $(timeout --help 2>&1) in
    *-k*) limiter=use_timeout ;;
    *) limiter=watch_over ;;
  esac
}

# use_timeout SECONDS WORD...: run the words; 124 when they took too long.
use_timeout() {
  limit=$1
  shift
  code=0
  timeout -k 5 "$limit" "$@" || code=$?
  case $code in
    137 | 143) return 124 ;;
  esac
  return "$code"
}

# watch_over SECONDS WORD...: the same where there is no `timeout`.
watch_over() {
  limit=$1
  shift
  # What is started with `&` finds nothing on its input unless it is told where it is.
  exec 6<&0
  (exec "$@") <&6 6<&- &
  child=$!
  exec 6<&-
  (
    nap=''
    trap 'kill "$nap" 2>/dev/null; exit 0' TERM
    for signal in TERM KILL; do
      sleep "$limit" &
      nap=$!
      wait "$nap"
      kill -s "$signal" "$child" 2>/dev/null || exit 0
      limit=5
    done
  ) >/dev/null 2>&1 9<&- &
  watcher=$!
  code=0
  wait "$child" || code=$?
  kill "$watcher" 2>/dev/null || :
  case $code in
    137 | 143) return 124 ;;
  esac
  return "$code"
}

# limited SECONDS WORD...: run the words in $place, within their own limit and what is left of the step's.
limited() {
  limit=$1
  shift
  if [ "$limit_at" -gt 0 ] && [ "$now" -gt 0 ]; then
    clock
    left=$(((limit_at - now + 99) / 100))
    [ "$left" -gt 0 ] || return 124
    [ "$limit" -le "$left" ] || limit=$left
  fi
  cd "$place" || return 126
  code=0
  "$limiter" "$limit" "$@" || code=$?
  cd "$root" || return 126
  return "$code"
}

# spread SECONDS: $spread is between three and five quarters of it, another time for each attempt and try, so that terminals
# that stumble together do not come again together.
spread() {
  whole=${1%%.*}
  fraction=00
  case $1 in
    *.*)
      fraction=${1#*.}00
      fraction=${fraction%"${fraction#??}"}
      ;;
  esac
  spread=$((whole * 100 + 1$fraction - 100))
  dice=${attempt#"${attempt%??}"}
  dice=$(((0x${dice:-0} + tries * 97) % 256))
  spread=$((spread * (192 + dice / 2) / 256))
  fraction=$((spread % 100))
  case $fraction in
    ?) fraction=0$fraction ;;
  esac
  spread=$((spread / 100)).$fraction
}

# attempt TRIES WAIT KINDS SECONDS WORD...: run the words, again after trouble of one of the kinds.
attempt() {
  tries=$1
  wait=$2
  kinds=$3
  seconds=$4
  shift 4
  while :; do
    code=0
    limited "$seconds" "$@" || code=$?
    [ "$code" -ne 0 ] || return 0
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return "$code"
    case "$code $kinds" in
      '124 '*timeout*) ;;
      '124 '*) return "$code" ;;
      *command*) ;;
      *) return "$code" ;;
    esac
    spread "$wait"
    pause "$spread"
  done
}

# pause SECONDS: wait; whole seconds where `sleep` knows no fractions.
pause() {
  case $1 in
    0 | 0.00) return 0 ;;
  esac
  sleep "$1" 2>/dev/null || sleep $((${1%.*} + 1))
}

# act COMMAND: run it for what it does. It may leave a process behind, so its output goes to a file, not a pipe.
act() {
  [ -n "$limiter" ] || choose_limiter
  text=''
  code=0
  "$1" >"$output" 2>&1 </dev/null 3<&- 4>&- 9<&- || code=$?
  return "$code"
}

# ask COMMAND: run it for what it says, as $text, not more than 16 KB. It changes nothing and ends by itself.
ask() {
  [ -n "$limiter" ] || choose_limiter
  if [ -n "$record" ]; then
    ask_to_file "$1"
  else
    ask_to_pipe "$1"
  fi
  return "$code"
}

# ask_to_pipe COMMAND: for the look, which writes nothing.
ask_to_pipe() {
  # The exit code travels as the last line, because a pipe has only its last command's.
  text=$(
    {
      code=0
      "$1" || code=$?
      printf '\n%s\n' "$code"
    } 2>/dev/null </dev/null 3<&- 4>&- 9<&- | tail -c 16384
  )
  code=${text##*"$newline"}
  text=${text%"$newline"*}
}

# ask_to_file COMMAND: for the transaction, which can spare the pipe's processes.
ask_to_file() {
  code=0
  (
    ulimit -f 32
    "$1"
  ) >"$run/answer" 2>"$output" </dev/null 3<&- 4>&- 9<&- || code=$?
  text=''
  while IFS= read -r line || [ -n "$line" ]; do
    text=$text$line$newline
  done <"$run/answer"
}

# fail_command CAUSE: end the step because the command just run failed; its last words travel as log.
fail_command() {
  cause=$1
  [ "$code" -ne 124 ] || cause=command-timeout
  saying="exit $code"
  words=$(
    {
      printf '%s\n' "$text"
      [ ! -f "$output" ] || cat "$output"
    } | tail -c 2000
  )
  each_line keep_saying "$words"
  fail "$cause" "$saying"
}

keep_saying() {
  saying=$1
  report_log "$1"
}
