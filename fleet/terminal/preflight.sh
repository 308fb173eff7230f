# preflight: look before anything is touched.

# preflight KILOBYTES TOOL...: room on the disk, and the programs that must be there.
preflight() {
  wanted=$1
  shift
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
}
