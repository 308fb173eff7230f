# preflight: look before anything is touched.

# preflight KILOBYTES TOOL...: room on the disk, and the programs that must be there.
preflight() {
  wanted=$1
  shift
  for name in "$@"; do
    command -v "$name" >/dev/null || fail tool-missing "$name"
  done
  find_room
  [ "$room" -ge "$wanted" ] || fail disk-full "$room KiB free, $wanted KiB needed"
}
