# prestage: the release is brought days before it goes live. Only what is under releases/ that nothing points to is written.
#
# $work/staged names the newest release that was brought this way and has not been live since. Other releases'
# activations leave it alone.

# read_staged: $staged is the release that waits here for its night, empty when there is none.
read_staged() {
  staged=''
  ! [ -f "$work/staged" ] || read -r staged <"$work/staged" || :
}

# staged_holds: nothing has to be sent on the night: the release is live, or waits here with every file intact.
staged_holds() {
  ! release_holds || return 0
  choose_target
  read_staged
  [ "$staged" = "$target" ] && [ -f "$work/manifests/$target" ] || return 1
  quick_sums || each_file print_sum | sha256sum -c >/dev/null 2>&1
}

# keep_staged: the release that was just verified waits for its night; it and its name are durable on return.
keep_staged() {
  tool write_staged
  tool mv "$run/staged" "$work/staged"
  unsettled="$unsettled $work/staged $work"
  settle
}

write_staged() {
  printf '%s\n' "$target" >"$run/staged"
}
