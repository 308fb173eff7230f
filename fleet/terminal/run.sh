# run: any other command, with the way to see whether it is needed and the way back.

# run_holds NUMBER: the step's check says it is in place.
run_holds() {
  ask "command_$1_check"
}

# run_recorded NAME: a step without a check was done with the live release before.
run_recorded() {
  recorded=''
  [ ! -f "$work/steps" ] || read -r recorded <"$work/steps" || :
  case "$recorded " in
    "${live:--} "*" $1 "* | "${live:--} $1 "*) return 0 ;;
  esac
  return 1
}

# run_checked NUMBER NAME: run the command unless the check finds it in place, and remember the way back.
run_checked() {
  ! ask "command_$1_check" || return 0
  undo="undo_$1 $undo"
  did="${did:-} $2"
  act "command_$1_run" || fail_command command-failed
}

# run_once NUMBER NAME: run a command that has no check.
run_once() {
  act "command_$1_run" || fail_command command-failed
  done_once="${done_once:-} $2"
}

# record_once: keep the names of what was run once, beside the release it was run with.
record_once() {
  printf '%s%s\n' "${live:--}" "${done_once:-}" >"$work/steps" || fail disk-error
}

# record_did: keep the names of what had not been in place before this release came, beside the release. A person who takes
# the release back wants these undone, and nothing that was so before it.
record_did() {
  recorded=''
  [ ! -f "$work/did" ] || read -r recorded <"$work/did" || :
  case "$recorded " in
    "$release "*) ;;
    *) recorded=$release ;;
  esac
  if [ -n "${did:-}" ] || [ -f "$work/did" ]; then
    keep did "$recorded${did:-}"
  fi
}
