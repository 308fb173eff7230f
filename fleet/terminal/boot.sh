# boot: the hook that takes back an activation which was never committed, before the client is started.
#
# The program stands as .fleet/boot.sh and does this when it is called without a word, from `@reboot` or by what starts
# the client. In order, or while a push is at work, it writes nothing. It starts and stops nothing either way.

boot() {
  cd -P "${0%/*}/.." || exit 64
  root=$PWD
  work=$root/.fleet
  run=$work/runs/boot
  nonce=boot
  attempt=boot
  exec 4>&2
  umask 077
  read_journal
  is_unfinished || exit 0
  newest_lock
  [ "$newest" -eq 0 ] || ! is_held || exit 0
  [ -d "$run" ] || tool mkdir -p "$run"
  take_lock
  read_journal
  if is_unfinished; then
    remember back "$from" "$into" "$by" "$why" "$where"
    put_back "$from"
    remember restored "$from" "$into" "$by" "$why" "$where"
  fi
  sweep
  leave 0
}
