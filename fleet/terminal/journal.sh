# The journal: what an activation has come to, one record a line, each written twice with ` = ` between.
#
#   activating OLD NEW ATTEMPT - -         from here on, whoever finds no later record goes back to OLD
#   back       OLD NEW ATTEMPT CAUSE STEP  the decision to go back; nothing was undone before it
#   restored   OLD NEW ATTEMPT CAUSE STEP  OLD is live again
#   committed  OLD NEW ATTEMPT - -         NEW stays
#
# Each is durable before anything that follows from it is done. `-` is no release, no cause, no step.

# read_journal: the last record that is whole, as $state, $from, $into, $by, $why and $where; $state is empty without one.
read_journal() {
  state=''
  from=-
  into=-
  by=-
  why=-
  where=-
  [ -f "$work/journal" ] || return 0
  latest=''
  records=$(tail -n 40 "$work/journal")
  each_line put_first "$records"
  each_line read_record "$latest"
}

put_first() {
  latest=$1$newline$latest
}

# read_record LINE: take it unless a later one was taken. A power cut may have torn it.
read_record() {
  [ -z "$state" ] || return 0
  case $1 in
    *' = '*) ;;
    *) return 0 ;;
  esac
  [ "${1%% = *}" = "${1#* = }" ] || return 0
  # shellcheck disable=SC2086 # the fields of the record
  set -- $1
  state=$1
  from=$2
  into=$3
  by=$4
  why=$5
  where=$6
}

# is_unfinished: an activation has begun that was neither committed nor taken back.
is_unfinished() {
  case $state in
    activating | back) return 0 ;;
  esac
  return 1
}

# remember STATE OLD NEW ATTEMPT CAUSE STEP: append a record; it is durable, and all that is in $unsettled, on return.
remember() {
  # A record that was torn before must not take this one with it: it begins on a line of its own.
  printf '\n%s = %s\n' "$*" "$*" >>"$work/journal" || trouble 'the journal cannot be written' || return 1
  unsettled="$unsettled $work/journal $work"
  settle
}

# flip RELEASE: `current` points there, by one atomic rename.
flip() {
  new=$run/current
  ! [ -L "$new" ] || tool rm -f "$new" || return 1
  tool ln -s "releases/$1" "$new" || return 1
  move_link "releases/$1" || return 1
  unsettled="$unsettled ."
  settle
}

# move_link TARGET: $new takes the place of `current`. Without -T (GNU, busybox) or -h (BSD) it would go into the directory.
move_link() {
  ! words=$(mv -T "$new" current 2>&1) || return 0
  case $words in
    *option*) ;;
    *) trouble "$words" || return 1 ;;
  esac
  # An `mv` that knows neither: for a moment there is no link, and the journal knows where it has to point.
  mv -h "$new" current 2>/dev/null || tool ln -sfn "$1" current
}

# put_back RELEASE: `current` points to it again, or to nothing for `-`. An adoption that had not begun is left as it is.
put_back() {
  [ -L current ] || [ ! -d current ] || return 0
  find_link
  if [ "$1" = - ]; then
    tool rm -f current || return 1
    unsettled="$unsettled ."
  elif [ "$linked" != "$1" ]; then
    flip "$1"
  fi
}
