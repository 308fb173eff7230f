# preflight: look before anything is touched.

# preflight KILOBYTES RELEASE_KILOBYTES CHECK TOOL...: room on the disk, the programs that must be there, and what CHECK looks at.
preflight() {
  wanted=$(($1 + $2))
  # A release that was verified here before, days ago perhaps, has its room already.
  [ "$2" -eq 0 ] || choose_target
  [ "$2" -eq 0 ] || [ ! -f "$work/manifests/$target" ] || wanted=$1
  check=$3
  shift 3
  for name in "$@"; do
    command -v "$name" >/dev/null || fail tool-missing "$name"
  done
  find_room
  # What an earlier push left, this one goes on with or removes.
  if [ "$room" -lt "$wanted" ] && [ -s "$work/part" ]; then
    size=$(wc -c <"$work/part") || size=0
    room=$((room + size / 1024))
  fi
  [ "$room" -ge "$wanted" ] || fail disk-full "$room KiB free, $wanted KiB needed"
  "$check"
}

# check_version COMMAND VERSION...: the live client says one of these; `4.*` is everything that begins so.
check_version() {
  [ -n "$live" ] || return 0
  ask "$1" || fail_command command-failed
  shift
  said=${text%%"$newline"*}
  for version in "$@"; do
    case $version in
      *'*') [ "${said#"${version%'*'}"}" = "$said" ] || return 0 ;;
      *) [ "$said" != "$version" ] || return 0 ;;
    esac
  done
  fail wrong-version "$said"
}
