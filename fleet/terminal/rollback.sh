# rollback: a person wants the release back that was live before this one, long after it was committed.
#
# The decision is durable before anything is undone, in the record that a failed activation uses, too: killed at any
# moment, the next push or the boot hook goes back all the way. Nothing is sent, and no signature or permit is asked for:
# what is kept here was live here. What is live now stays the floor for everything that is staged later.
#
# $back_to is the release to go back to, `-` for none.

# back_holds: the release is not live, nothing is half-way, and no run step that came with it is in place.
back_holds() {
  case $live in
    "$release" | "$release.r") return 1 ;;
  esac
  read_journal
  ! is_unfinished || return 1
  choose_undone
  undone
}

# choose_undone: $target is the release whose run steps are undone, and what it did here stands in $did.
choose_undone() {
  target=$release
  [ -d "releases/$target" ] || target=$release.r
  place=releases/$target
  did=''
  [ ! -f "$work/did" ] || read -r did <"$work/did" || :
}

# was_done NAME: the step was not in place before this release came, so it is this release's to take back.
was_done() {
  case "$did " in
    "$release "*" $1 "* | "$release $1 "*) [ -d "$place" ] ;;
    *) return 1 ;;
  esac
}

# is_undone NUMBER NAME: nothing of the step has to be taken back.
is_undone() {
  was_done "$2" || return 0
  ! ask "command_$1_check"
}

# go_back: everything that writes, under the lock.
go_back() {
  read_journal
  case $into in
    "$release" | "$release.r") ;;
    *) heal ;;
  esac
  find_way_back
  ask_go
  decide_back
  bad=''
  perform_back
  garbage="$garbage $work/did"
  hold "fact live_release $back_to"
  # shellcheck disable=SC2086 # a step and a cause
  [ -z "$bad" ] || end_badly $bad
  finish taken-back none -
}

# end_badly STEP CAUSE: the old release is back, but something of the new one is not undone; so the next try finds it.
end_badly() {
  garbage=${garbage%" $work/did"}
  finish failed "$2" "$1"
}

# find_way_back: the release before this one is kept here and whole, or the program ends with nothing touched.
find_way_back() {
  find_live
  read_journal
  choose_undone
  if is_unfinished; then
    back_to=$from
    target=$into
    return 0
  fi
  case $live in
    "$release" | "$release.r") ;;
    *)
      # Only what a run step did is left to be undone.
      back_to=${live:--}
      return 0
      ;;
  esac
  target=$live
  history=''
  ! [ -f "$work/history" ] || read -r history <"$work/history" || :
  [ "$state $into" != "committed $live" ] || history="$from $history"
  back_to=''
  for name in $history; do
    case $name in
      "$release" | "$release.r") continue ;;
    esac
    [ "$name" = - ] || [ -d "releases/$name" ] || continue
    back_to=$name
    break
  done
  [ -n "$back_to" ] || fail no-way-back 'the release before it is not kept here'
  [ -f "$work/manifests/$back_to" ] || return 0
  sha256sum -c "$work/manifests/$back_to" >/dev/null 2>&1 || fail no-way-back "releases/$back_to is not what it was"
}

# decide_back: from here on, whoever finds the terminal goes back.
decide_back() {
  case $live in
    "$release" | "$release.r") ;;
    *) return 0 ;;
  esac
  ! is_unfinished || return 0
  hold_floor
  remember back "$back_to" "$target" "$attempt" - -
}

# hold_floor: what is live now stays the floor. One that cannot be read forbids no way back, and is left for a push to refuse.
hold_floor() {
  kept_floor=0
  kept_time=0
  [ ! -f "$work/floor" ] || read -r kept_floor kept_time <"$work/floor" || :
  read_signed "$live"
  [ -n "$signed" ] || return 0
  field not-before "$signed"
  floor_time=$value
  field number "$signed"
  for number in "$kept_floor" "$kept_time" "$floor_time" "$value"; do
    case $number in
      '' | *[!0-9]* | 0?* | ???????????*) return 0 ;;
    esac
  done
  [ "$kept_time" -le "$floor_time" ] || floor_time=$kept_time
  [ "$value" -le "$kept_floor" ] || keep floor "$value $floor_time"
}

# back_step NAME LIMIT FUNCTION ARGUMENT...: take one step of the playbook back; what does not succeed holds nothing up.
back_step() {
  step=$1
  clock
  began=$now
  limit_at=$((now + $2))
  shift 2
  report "step $step"
  code=0
  "$@" || code=$?
  clock
  if [ "$code" -eq 0 ]; then
    hold "done $step $(((now - began) * 10))"
  else
    why_not=command-failed
    [ "$code" -ne 124 ] || why_not=command-timeout
    report "failed $step $(((now - began) * 10)) $why_not exit $code"
    [ -n "$bad" ] || bad="$step $why_not"
  fi
  step=-
}

# undo_again NUMBER NAME: what the run step did is undone, where it is in place.
undo_again() {
  place=releases/$target
  ! is_undone "$1" "$2" || return 0
  act "command_$1_undo"
}

# deactivate NUMBER: drain and stop what is live, flip back, start what was live before.
deactivate() {
  number=$1
  read_journal
  find_link
  is_unfinished || [ "$linked" = "$target" ] || return 0
  if [ "$linked" = "$target" ]; then
    report rolling-back
    place=current
    act "command_${number}_drain" || report_log 'the release did not drain'
    act "command_${number}_stop" || report_log 'the release did not stop'
  fi
  put_back "$back_to" || return 1
  find_live
  # The record that it is done waits for the start: a client that does not start is looked after again.
  if [ -n "$live" ] && ! act "command_${number}_start"; then
    report_log 'the old release is back, but did not start'
    return 1
  fi
  remember restored "$back_to" "$target" "$attempt" - -
}
