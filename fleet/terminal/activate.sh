# activate: drain, stop, flip one link, start, probe; and all the way back when the new release does not pass.
#
# The file `activating` names the release to go back to. It is durable before anything is stopped and goes away with
# the commit, so a program that died in between is recognized by the next one.

# flip RELEASE: `current` points there, by one atomic rename.
flip() {
  new=$run/current
  [ ! -L "$new" ] || tool rm -f "$new" || return 1
  tool ln -s "releases/$1" "$new" || return 1
  # Without -T (GNU, busybox) or -h (BSD) `mv` would move the link into the directory that `current` points to.
  if ! mv -T "$new" current 2>/dev/null && ! mv -h "$new" current 2>/dev/null; then
    tool ln -sfn "releases/$1" current || return 1
  fi
  unsettled=.
  settle
}

# activate NUMBER TRIES WAIT: make the staged release live. The step's commands are command_NUMBER_drain and so on.
activate() {
  number=$1
  printf '%s %s\n' "${before:--}" "$target" >"$run/activating" || fail disk-error
  tool mv "$run/activating" "$work/activating"
  unsettled="$unsettled $work/activating $work"
  settle
  place=current
  flipped=''
  report activating
  undo="restore $undo"
  if [ -n "$live" ]; then
    act "command_${number}_drain" || fail_command command-failed
    act "command_${number}_stop" || fail_command command-failed
  fi
  flip "$target"
  flipped=yes
  act "command_${number}_start" || fail_command command-failed
  probe_until "command_${number}_probe" "$2" "$3"
  live=$target
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
  if [ -n "$flipped" ]; then
    report rolling-back
    act "command_${number}_stop" || report_log 'the new release did not stop'
    if [ -n "$before" ]; then
      flip "$before" || return 1
    else
      tool rm -f current || return 1
    fi
    ending=rolled-back
  fi
  if [ -n "$before" ] && ! act "command_${number}_start"; then
    ending=failed
    report_log 'the old release is back, but did not start'
  fi
  # What is undone next was done in the staged release.
  place=releases/$target
  garbage="$work/activating $garbage"
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
    count=$((count + 1))
  done
  printf '%s\n' "$kept" >"$work/history" || fail disk-error
  garbage="$work/activating $garbage"
  undo=''
  for directory in releases/*; do
    name=${directory#releases/}
    case " $kept " in
      *" $name "*) ;;
      *[!A-Za-z0-9._+\ -]*) ;;
      *) garbage="$garbage $directory $work/manifests/$name" ;;
    esac
  done
}
