# preflight: look before anything is touched.

# preflight KILOBYTES TOOL...: room on the disk, and the programs that must be there.
preflight() {
  wanted=$1
  shift
  for name in "$@"; do
    command -v "$name" >/dev/null || fail tool-missing "$name"
  done
  room=$(df -Pk . 2>/dev/null) || fail tool-missing df
  # shellcheck disable=SC2086 # the fields of df's second line
  set -- ${room#*"$newline"}
  [ "$4" -ge "$wanted" ] || fail disk-full "$4 KiB free, $wanted KiB needed"
}
