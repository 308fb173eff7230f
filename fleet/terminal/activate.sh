# activate: drain, stop, flip one link, start, probe; and all the way back when the new release does not pass.
#
# The journal names the release to go back to before anything is stopped, and says so when the new one stays. Whoever
# finds it in between, the next push or the boot hook, takes the activation back.

# activate NUMBER TRIES WAIT: make the staged release live. The step's commands are command_NUMBER_drain and so on.
activate() {
  number=$1
  # The boot hook is this very program, under a name that stays; a shell reads on from a file that was renamed.
  tool mv "$0" "$work/boot.sh"
  unsettled="$unsettled $work/boot.sh"
  remember activating "${before:--}" "$target" "$attempt" - -
  place=current
  touched=''
  report activating
  undo="restore $undo"
  if [ -n "$live" ]; then
    act "command_${number}_drain" || fail_command command-failed
    act "command_${number}_stop" || fail_command command-failed
  fi
  touched=yes
  [ -L current ] || [ ! -d current ] || adopt
  bring_state
  flip "$target"
  place=current
  act "command_${number}_start" || fail_command command-failed
  probe_until "command_${number}_probe" "$2" "$3"
  live=$target
}

# adopt: the client that was here before us, an ordinary directory, becomes a release like any other.
#
# No shell can put a link where a directory is in one act. Between the two renames the client is at releases/legacy
# only, and the journal says so.
adopt() {
  tool mv current releases/legacy
  unsettled="$unsettled . releases"
  settle
  flip legacy
}

# bring_state: what the client keeps in `state` goes with it, copied while it stands still. The old release keeps its own.
bring_state() {
  new_state=releases/$target/state
  ! [ -e "$new_state" ] || tool rm -rf "$new_state"
  if [ -n "$before" ] && [ -d "releases/$before/state" ]; then
    tool cp -Rp "releases/$before/state" "$new_state"
  fi
  place=releases/$target
  act "command_${number}_migrate" || fail_command command-failed
  [ -d "$new_state" ] || return 0
  if command -v sync >/dev/null; then
    # Its names are the client's own, so they travel as arguments.
    tool find "$new_state" \( -type f -o -type d \) -exec sync "releases/$target" {} +
  fi
}

# probe_until COMMAND TRIES WAIT: the probe answers well at last, or the step fails.
probe_until() {
  left_tries=$2
  until ask "$1"; do
    left_tries=$((left_tries - 1))
    [ "$left_tries" -gt 0 ] || fail_command probe-failed
    pause "$3"
  done
}

# restore: the release that was live before is live again.
restore() {
  verdict="${before:--} $target $attempt $cause $step"
  # shellcheck disable=SC2086 # the fields of a record
  remember back $verdict || report_log 'the decision to go back could not be made durable'
  if [ -n "$touched" ]; then
    report rolling-back
    place=current
    find_link
    if [ "$linked" = "$target" ]; then
      act "command_${number}_stop" || report_log 'the new release did not stop'
    fi
    put_back "${before:--}" || return 1
    ending=rolled-back
  fi
  place=current
  if [ -n "$before" ] && ! act "command_${number}_start"; then
    ending=failed
    report_log 'the old release is back, but did not start'
  fi
  # What is undone next was done in the staged release.
  place=releases/$target
  # shellcheck disable=SC2086
  remember restored $verdict
}

# take_back NUMBER: an activation that another push began and never ended is undone before this one begins.
take_back() {
  number=$1
  read_journal
  ! is_unfinished || undo_unfinished
  # Where this very attempt had decided to go back before it died, that is how it ends.
  [ "$state $by" = "restored $attempt" ] || return 0
  [ "$why" != - ] || return 0
  # Its files had come, and are staged.
  garbage="$garbage $work/part $work/part.for releases/part"
  finish rolled-back "$why" "$where"
}

undo_unfinished() {
  report_log "$into was never committed; going back to $from"
  remember back "$from" "$into" "$by" "$why" "$where"
  if [ "$live" = "$into" ]; then
    act "command_${number}_stop" || report_log 'the release that was not committed did not stop'
  fi
  put_back "$from"
  find_live
  if [ -n "$live" ] && ! act "command_${number}_start"; then
    report_log 'the old release is back, but did not start'
  fi
  remember restored "$from" "$into" "$by" "$why" "$where"
  state=restored
}

# commit KEEP: the new release stays. KEEP releases remain here, newest first, the live one included.
commit() {
  history=''
  ! [ -f "$work/history" ] || read -r history <"$work/history" || :
  kept=''
  count=0
  for name in "$target" $before $history; do
    case " $kept " in
      *" $name "*) continue ;;
    esac
    [ "$count" -lt "$1" ] || break
    kept="$kept $name"
    # The same release under its other name is none to go back to, and takes no other's place.
    case $name in
      "${target%.r}" | "${target%.r}.r") [ "$name" = "$target" ] || continue ;;
    esac
    count=$((count + 1))
  done
  # Written in one go: torn by a power cut it names fewer releases, and the live one and the one before it are kept all the same.
  printf '%s\n' "$kept" >"$work/history" || fail disk-error
  read_staged
  if [ "$staged" = "$target" ]; then
    tool rm -f "$work/staged"
  fi
  remember committed "${before:--}" "$target" "$attempt" - -
  undo=''
  for directory in releases/*; do
    name=${directory#releases/}
    case " $kept $staged " in
      *" $name "*) ;;
      *[!A-Za-z0-9._+\ -]*) ;;
      *) garbage="$garbage $work/manifests/$name $work/signed/$name $directory" ;;
    esac
  done
}
