# What every program shares: values, reports, the clock, and the one way to end.
#
# Names used everywhere: $root is the client's directory and always the working directory; $work is its private
# part; $run holds what this attempt wrote; $live is the release that `current` points to, empty when there is none;
# $target is the release this attempt activates; $place is where the playbook's commands run.
# File descriptor 3 is what the client sends, 4 is what it hears, 9 is the lock's where there is `flock`.

set -eu
LC_ALL=C
export LC_ALL
umask 022
newline='
'
record=''
held_lines=''
held_record=''
ended=''
step=-
undo=''
failing=''
ending=failed
garbage=''
unsettled=''
state=unread
live=''
target=''
place=.
before=''
now=0
began=0
limit_at=0
run=''
mine=''
output=/dev/null
limiter=''

# take_values LINE...: keep what the client said about this terminal. The values are data and are never evaluated.
take_values() {
  nonce=''
  attempt=''
  terminal=''
  site=''
  kind=''
  district=''
  key_card=''
  sent_at=''
  only=''
  patience=0
  for line in "$@"; do
    case $line in
      nonce=*) nonce=${line#*=} ;;
      attempt=*) attempt=${line#*=} ;;
      terminal=*) terminal=${line#*=} ;;
      site=*) site=${line#*=} ;;
      kind=*) kind=${line#*=} ;;
      district=*) district=${line#*=} ;;
      key_card=*) key_card=${line#*=} ;;
      sent_at=*) sent_at=${line#*=} ;;
      only=*) only=${line#*=} ;;
      patience=*) patience=${line#*=} ;;
    esac
  done
  case $nonce in
    '' | *[!0-9a-f]*) exit 64 ;;
  esac
  case $attempt in
    '' | *[!0-9a-f]*) exit 64 ;;
  esac
  case $only in
    '' | stage | rollback) ;;
    *) exit 64 ;;
  esac
  case $patience in
    '' | *[!0-9]*) exit 64 ;;
  esac
}

# report WORDS: one marked line for the client, kept in the record too. A client that is gone is no trouble.
report() {
  printf '%s@%s %s\n' "$held_lines" "$nonce" "$*" >&4 || :
  [ -z "$record" ] || printf '%s%s\n' "$held_record" "$*" >>"$record" || :
  held_lines=''
  held_record=''
}

# hold WORDS: report them together with what is reported next, which comes at once. Each write wakes up three processes.
hold() {
  held_lines="$held_lines@$nonce $*$newline"
  held_record="$held_record$*$newline"
}

# report_held: report what is held.
report_held() {
  printf '%s' "$held_lines" >&4 || :
  held_lines=''
  held_record=''
}

# report_log LINE: a line for people.
report_log() {
  report "log $1"
}

# each_line FUNCTION TEXT: call the function with every line of the text that is not empty.
each_line() {
  consumer=$1
  set -f
  IFS=$newline
  # shellcheck disable=SC2086 # split at newlines on purpose
  set -- $2
  unset IFS
  set +f
  for line in "$@"; do
    "$consumer" "$line"
  done
}

# clock: the uptime in hundredths of a second as $now; stays 0 where there is no /proc.
clock() {
  read -r up _ 2>/dev/null </proc/uptime || return 0
  now=$((${up%.*} * 100 + 1${up#*.} - 100))
}

# step NAME LIMIT FUNCTION ARGUMENT...: do one step of the playbook. LIMIT is in hundredths of a second.
step() {
  step=$1
  clock
  began=$now
  limit_at=$((now + $2))
  shift 2
  # The look is short, and says everything at once; what comes first in these two steps is short, too.
  if [ -z "$record" ] || [ "$1" = preflight ] || [ "$1" = activate ]; then
    hold "step $step"
  else
    report "step $step"
  fi
  "$@"
  clock
  hold "done $step $(((now - began) * 10))"
  step=-
}

# fail CAUSE [DETAIL]: what was begun is undone, newest first, and the program ends.
fail() {
  cause=$1
  failing=yes
  clock
  report "failed $step $(((now - began) * 10)) $cause ${2:-}"
  began=$now
  limit_at=0
  decided=$step
  for action in $undo; do
    "$action" || report_log "$action did not succeed"
  done
  finish "$ending" "$cause" "$decided"
}

# tool WORD...: run one of the terminal's own tools; its failure is the disk's or the tool's, never the playbook's.
tool() {
  words=$("$@" 2>&1) || trouble "$words"
}

# trouble WORDS [CAUSE]: end with the cause that a tool's complaint names; on the way back only say it.
trouble() {
  words=${1%%"$newline"*}
  if [ -n "$failing" ]; then
    report_log "$words"
    return 1
  fi
  case $1 in
    *'No space left'* | *'uota exceeded'*) fail disk-full "$words" ;;
    *'not found'*) fail tool-missing "$words" ;;
  esac
  # On a full disk not even the complaint may have found room.
  find_room
  [ "$room" -gt 0 ] || fail disk-full "$words"
  fail "${2:-disk-error}" "$words"
}

# find_room: $room is what the disk has left, in KiB; unknown counts as plenty.
find_room() {
  table=''
  # Under `timeout`, because a dead network disk holds `df` for ever; that it knows -k is then known too.
  if [ -z "$limiter" ] && command -v timeout >/dev/null && table=$(timeout -k 5 30 df -Pk . 2>/dev/null); then
    limiter=use_timeout
  fi
  [ -n "$table" ] || table=$(df -Pk . 2>/dev/null) || table=''
  # shellcheck disable=SC2086 # the fields of df's second line
  set -- ${table#*"$newline"}
  room=${4:-2147483647}
}

# settle: make what stands in $unsettled durable. Where `sync` takes no names it does what it can.
settle() {
  if command -v sync >/dev/null; then
    # shellcheck disable=SC2086 # a list of our own names
    tool sync $unsettled || return 1
  fi
  unsettled=''
}

# finish ENDING CAUSE STEP: clean up, say how it ended, and let go of the lock.
finish() {
  sweep
  report "end $1 $2 $3"
  case $1 in
    upgraded | staged | taken-back) leave 0 ;;
    rolled-back) leave 4 ;;
    *) leave 3 ;;
  esac
}

# sweep: remove what nobody needs any more.
sweep() {
  # shellcheck disable=SC2086 # a list of our own names
  [ -z "$garbage" ] || rm -rf $garbage || :
}

# leave CODE: end the program on purpose.
leave() {
  ended=yes
  [ -z "$mine" ] || release_lock
  exit "$1"
}
