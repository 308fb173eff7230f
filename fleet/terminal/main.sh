# The way through a program: look first, without lock or write; then, detached from the link, the transaction.

# enter_root: $root is the client's directory; where it does not exist yet, nothing is live.
enter_root() {
  case $root in
    /*) ;;
    *) root=$HOME/$root ;;
  esac
  if [ -d "$root" ]; then
    cd -P "$root" || exit 64
    root=$PWD
  fi
  work=$root/.fleet
  run=$work/runs/$attempt
}

# find_link: $linked is the release that the link `current` points to, empty when there is none.
find_link() {
  linked=''
  [ -L current ] || return 0
  if cd -P current 2>/dev/null; then
    case $PWD in
      "$root"/releases/*) linked=${PWD#"$root/releases/"} ;;
    esac
    cd "$root" || exit 64
  fi
}

# find_live: $live is the release that is live. A client that is an ordinary directory is about to be release `legacy`.
find_live() {
  find_link
  live=$linked
  place=.
  if [ -L current ]; then
    [ -n "$live" ] || [ ! -e current ] || fail not-adopted 'current points outside releases'
  elif [ -d current ]; then
    [ ! -e releases/legacy ] || fail not-adopted 'releases/legacy is there already'
    live=legacy
  elif [ -e current ]; then
    fail not-adopted 'current is an ordinary file'
  fi
  [ -z "$live" ] || place=current
}

# replay: this attempt ended before, its answer got lost on the way; say it again.
replay() {
  [ -f "$run/report" ] || return 0
  # The dot keeps the last line's end: without it the line was torn, and the attempt has not ended.
  text=$(cat "$run/report" && printf .)
  case $newline$text in
    # Its last word did not arrive, so nothing was touched and there is nothing to tell: it is made now.
    *"$newline"'end failed link-lost '*) return 0 ;;
    *"$newline"'end '*"$newline".) ;;
    *) return 0 ;;
  esac
  text=${text%.}
  sweep
  each_line repeat "$text"
  leave 0
}

# repeat LINE: say a recorded line again; what was asked for then is not asked for now.
repeat() {
  case $1 in
    need* | part* | send) ;;
    *) report "$1" ;;
  esac
}

# look: end here when the terminal is as the playbook wants it.
look() {
  [ -d "$root" ] || return 0
  replay
  find_live
  case $only in
    stage)
      staged_holds || return 0
      report "in-place $target"
      finish staged none -
      ;;
    rollback)
      back_holds || return 0
      hold "fact live_release ${live:--}"
      report "in-place ${live:--}"
      finish taken-back none -
      ;;
  esac
  holds || return 0
  report "in-place $live"
  step=-
  observe
  finish upgraded none -
}

# lead VALUE...: look, then start the transaction in a session of its own and wait for it.
lead() {
  exec 4>&1
  take_values "$@"
  enter_root
  hold 'begin 1'
  # Said before anything else: a program that does not know the word must not be taken for one that stops after staging.
  [ -z "$only" ] || hold "only $only"
  look
  report_held
  # The client's directory as the account's others are; what is in .fleet is the account's alone.
  [ -d "$run" ] || tool mkdir -p -m 700 "$work" "$work/signed" "$run"
  enter_root
  umask 077
  # Named after this process: another push of the same attempt may be running from its own.
  tool write_program "$@"
  exec 3<&0
  session=''
  ! command -v setsid >/dev/null || session=setsid
  $session sh "$run/program.$$" transaction <&3 >>"$run/log" 2>&1 &
  code=0
  wait $! || code=$?
  exit "$code"
}

write_program() {
  printf '%s\n' "$p" >"$run/program.$$" && printf '%s\n' "$@" >"$run/values.$$"
}

# surprise: the shell ends without a result; what was begun is undone.
surprise() {
  [ -n "$ended" ] || fail protocol 'the program ended in the middle'
}

# transact: everything that writes, under the lock. HUP and a broken pipe end the link, not the transaction.
transact() {
  while IFS= read -r line; do
    set -- "$@" "$line"
  done <"${0%/*}/values.${0##*.}"
  exec 3<&0 </dev/null
  take_values "$@"
  enter_root
  garbage="$garbage $run/output $run/answer $0 ${0%/*}/values.${0##*.}"
  trap surprise EXIT
  trap : HUP INT PIPE
  take_lock
  # Another push may have ended between the look and the lock.
  look
  record=$run/report
  output=$run/output
  printf '' >"$record" || fail disk-error
  case $only in
    stage)
      # What another push left half-way is live; it stays as it is until a push comes that may touch it.
      perform_early
      finish staged none -
      ;;
    rollback) go_back ;;
  esac
  heal
  before=$live
  perform
  finish upgraded none -
}

# heed WORD: without the client's last word the link was cut or a person stopped the push, and nothing is touched.
heed() {
  [ "$1" = go ] || fail link-lost 'the last word did not arrive'
}

# ask_go: where no files are staged, the last word is awaited before the first step.
ask_go() {
  hold need
  report send
  word=''
  while IFS= read -r line; do
    word=$line
  done <&3
  heed "$word"
}

main() {
  case ${1:-boot} in
    boot) boot ;;
    transaction) transact ;;
    *) lead "$@" ;;
  esac
}
