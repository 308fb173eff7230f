# One push at a time: lock.N, and the highest N is the lock. A new one is made only when the holder of N is gone.
#
# `ln` creates the name and its contents in one act. The holder is known by process id, its start time and the boot,
# so a reused id and a power cut free the lock. Behind them stands the attempt it makes.

# identify PID: $identity is that process's `pid start boot`, or empty when it is not alive. A power cut may have emptied
# the lock's file, and then it names nobody.
identify() {
  identity=''
  case $1 in
    '' | *[!0-9]*) return 0 ;;
  esac
  if [ ! -r /proc/self/stat ]; then
    ! kill -0 "$1" 2>/dev/null || identity="$1 - -"
    return 0
  fi
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
  boot=unknown
  read -r boot 2>/dev/null </proc/sys/kernel/random/boot_id || :
  pid=$1
  # shellcheck disable=SC2086 # the fields of /proc/PID/stat after the command's name
  set -- ${stat##*) }
  case $1 in
    Z | X) return 0 ;;
  esac
  identity="$pid ${20} $boot"
}

# newest_lock: $newest is the highest lock number, 0 when there is none.
newest_lock() {
  newest=0
  for file in "$work"/lock.*; do
    number=${file##*.}
    case $number in
      '' | *[!0-9]*) continue ;;
    esac
    [ "$number" -le "$newest" ] || newest=$number
  done
}

# is_held: a living process holds lock.$newest; $holder is what stands in it.
is_held() {
  holder=''
  read -r holder <"$work/lock.$newest" || :
  identify "${holder%% *}"
  [ -n "$identity" ] && [ "$identity" = "${holder% *}" ]
}

# await_holder: this very attempt is being made already; wait for what comes of it.
await_holder() {
  polls=0
  while is_held; do
    [ "$holder" = "$identity $attempt" ] || fail busy
    # Said again and again, so that the client does not take us for silent.
    [ $((polls % 40)) -ne 0 ] || report wait
    polls=$((polls + 1))
    pause 0.25
  done
}

# take_lock: this process holds the terminal, or the program ends as busy.
take_lock() {
  newest_lock
  [ "$newest" -eq 0 ] || await_holder
  identify $$
  # The file is this process's alone: another push of the same attempt must not write into a lock that is held.
  owner=$run/owner.$$
  # An earlier push of this attempt may have died and left its own.
  garbage="$garbage $run/owner.*"
  printf '%s\n' "$identity $attempt" >"$owner" || fail disk-error
  before_mine=$newest
  mine=$((newest + 1))
  if ! words=$(ln "$owner" "$work/lock.$mine" 2>&1); then
    mine=''
    newest_lock
    [ "$newest" -eq "$before_mine" ] || fail busy
    trouble "$words"
  fi
  newest_lock
  if [ "$newest" -ne "$mine" ]; then
    garbage="$garbage $work/lock.$mine"
    mine=''
    fail busy
  fi
  guard
  for file in "$work"/lock.*; do
    [ "$file" = "$work/lock.$mine" ] || garbage="$garbage $file"
  done
  # Another push that is about to find the terminal busy has no report yet; its files are its own.
  for directory in "$work"/runs/*; do
    [ "$directory" = "$run" ] || [ ! -f "$directory/report" ] || garbage="$garbage $directory"
  done
}

# guard: where there is `flock`, the kernel keeps the lock as well, for as long as this process or a tool of its own lives.
# What a command of the playbook leaves running does not have the descriptor and holds nothing.
guard() {
  command -v flock >/dev/null || return 0
  exec 9<"$work"
  # Without a word, somebody else has it; with one, this file system knows no such locks.
  words=$(flock -n 9 2>&1) || [ -n "$words" ] || fail busy
}

# release_lock: let the next push in at once, while this process still has to end.
release_lock() {
  exec 9<&-
  printf 'released\n' >"$work/lock.$mine" || :
}
