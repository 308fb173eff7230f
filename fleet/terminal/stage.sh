# stage: bring the release's missing files into a directory beside the live one, and verify every byte.
#
# The directory carries its final name from the start. It is no release before every file in it is verified,
# and nothing points to it before activate.
#
# What the client sends arrives in .fleet/part. A part whose last word never came stays, one at most: a push that needs the
# same files (.fleet/part.for) goes on behind it, any other takes the files that are whole in it.

# print_sum INDEX SHA256 SIZE MODE PATH: the file's line as `sha256sum -c` reads it.
print_sum() {
  printf '%s  releases/%s/%s\n' "$2" "$target" "$5"
}

# add_sum INDEX SHA256 SIZE MODE PATH: the same line, behind $lines.
add_sum() {
  lines="$lines$2  releases/$target/$5$newline"
}

# note_sum INDEX SHA256 SIZE MODE PATH: the file, and its line as `openssl dgst -r` prints it.
note_sum() {
  files="$files releases/$target/$5"
  expected="$expected$2 *releases/$target/$5$newline"
}

# quick_sums: openssl, where it is, finds every file of a large release as it should be. It uses what the processor has for
# sha256 and is two to five times as quick as sha256sum, but slower to start. No is no verdict.
quick_sums() {
  if [ "$release_kb" -lt 2048 ] || ! command -v openssl >/dev/null; then
    return 1
  fi
  files=''
  expected=''
  each_file note_sum
  # shellcheck disable=SC2086 # a list of our own names
  found=$(openssl dgst -sha256 -r $files 2>/dev/null) || return 1
  [ "$found$newline" = "$expected" ]
}

# release_holds: the live release is the wanted one, committed, and every file of it is intact.
release_holds() {
  [ "$live" = "$release" ] || [ "$live" = "$release.r" ] || return 1
  read_journal
  ! is_unfinished || return 1
  target=$live
  place=current
  quick_sums || each_file print_sum | sha256sum -c >/dev/null 2>&1
}

# choose_target: where the release goes. A live one is never written to: the same again goes to a second directory.
choose_target() {
  target=$release
  [ "$live" != "$target" ] || target=$release.r
}

# stage SECONDS: the new release is complete at releases/$target, or the program ends.
stage() {
  choose_target
  part=$work/part
  paths="releases/$target"
  made=''
  [ -d "$paths" ] || made=$paths
  for directory in $directories; do
    paths="$paths releases/$target/$directory"
  done
  # shellcheck disable=SC2086 # a list of our own names
  tool mkdir -p $paths "$work/manifests"
  check_signature
  find_needed
  arrived=''
  # Where nothing is needed, the last word takes its place.
  [ -z "$needed" ] || [ ! -s "$part" ] || take_up_part
  # An earlier push may have been cut while it looked into its part.
  [ ! -d releases/part ] || garbage="$garbage releases/part"
  hold "need$needed"
  [ -z "$arrived" ] || hold "part $arrived"
  report send
  # Where the client sends slower on purpose it says how much longer that may take.
  limit_at=$((limit_at + patience * 100))
  receive_payload $(($1 + patience))
  [ -z "$needed" ] || unpack
  verify_release
  place=releases/$target
}

# find_needed: $needed lists the files that are nowhere here, by their place in the artifact; all others are in the new release.
find_needed() {
  reuse_files
  needed=''
  each_file need_file
}

# reuse_files: copy what other releases here hold already; $good lists the verified paths.
reuse_files() {
  wanted=$newline
  each_file note_wanted
  claimed=''
  good=' '
  here=' '
  copies=''
  list_held
  each_line find_reuse "$held"
  copy_files
  [ -n "$claimed" ] || return 0
  verdicts=$(printf '%s' "$claimed" | sha256sum -c 2>/dev/null) || :
  each_line keep_good "$verdicts"
}

# note_wanted INDEX SHA256 SIZE MODE PATH: $wanted has a line for every file of the new release.
note_wanted() {
  wanted="$wanted$2  $5$newline"
}

# list_held: $held has a line `sha256  releases/NAME/PATH` for every file in every release directory.
list_held() {
  manifests=''
  unlisted=''
  for directory in releases/*; do
    name=${directory#releases/}
    case $name in
      *[!A-Za-z0-9._+-]*) continue ;;
    esac
    if [ "$directory" = "$made" ]; then
      continue
    elif [ -f "$work/manifests/$name" ]; then
      manifests="$manifests $work/manifests/$name"
    else
      unlisted="$unlisted $directory"
    fi
  done
  held=''
  # shellcheck disable=SC2086 # lists of checked names
  [ -z "$manifests" ] || held=$(cat $manifests)
  # shellcheck disable=SC2086
  [ -z "$unlisted" ] || held=$held$newline$(find $unlisted -type f -exec sha256sum {} +)
}

# find_reuse LINE: note a held file that the new release wants too.
find_reuse() {
  sum=${1%% *}
  source=${1#*  }
  path=${source#releases/*/}
  case $wanted in
    *"$newline$sum  $path$newline"*) ;;
    *"$newline$sum  "*)
      path=${wanted#*"$newline$sum  "}
      path=${path%%"$newline"*}
      ;;
    *) return 0 ;;
  esac
  case $source in
    "releases/$target/$path") here="$here$path " ;;
    *) copies="$copies$source  $path$newline" ;;
  esac
  case $newline$claimed in
    *"$newline$sum  releases/$target/$path$newline"*) ;;
    *) claimed="$claimed$sum  releases/$target/$path$newline" ;;
  esac
}

# copy_files: copy what was noted, one `cp` for each pair of directories. Releases never share a file.
copy_files() {
  batch=''
  from=''
  into=''
  each_line copy_file "$copies"
  copy_batch
}

copy_file() {
  source=${1%%  *}
  path=${1#*  }
  case $here in
    *" $path "*) return 0 ;;
  esac
  here="$here$path "
  destination=releases/$target/$path
  if [ "${source##*/}" != "${path##*/}" ]; then
    tool cp -p "$source" "$destination"
    return 0
  fi
  if [ "${source%/*} ${destination%/*}" != "$from $into" ]; then
    copy_batch
    from=${source%/*}
    into=${destination%/*}
  fi
  batch="$batch $source"
}

copy_batch() {
  # shellcheck disable=SC2086 # held names that equal a name of the manifest
  [ -z "$batch" ] || tool cp -p $batch "$into/"
  batch=''
}

# keep_good LINE: note a path that `sha256sum -c` found intact.
keep_good() {
  case $1 in
    *': OK')
      path=${1%: OK}
      good="$good${path#"releases/$target/"} "
      ;;
  esac
}

# need_file INDEX SHA256 SIZE MODE PATH: ask for the file unless it is here, verified.
need_file() {
  case $good in
    *" $5 "*) return 0 ;;
  esac
  needed="$needed $1"
}

# take_up_part: an earlier push was cut. $arrived is `BYTES SHA256` of what came, where the same files are needed now.
take_up_part() {
  was_for=''
  [ ! -f "$part.for" ] || read -r was_for <"$part.for" || :
  # A part that ends in the last word was whole. It must not stand behind a new one, so only its files count.
  if [ "$was_for" = "$target$needed" ] && [ "$(tail -c 3 "$part")" != go ] && command -v wc >/dev/null; then
    size=$(wc -c <"$part")
    sum=$(sha256sum <"$part")
    arrived="$((size)) ${sum%% *}"
    return 0
  fi
  unpack_part
  find_needed
  tool rm -rf releases/part
}

# unpack_part: what is whole in the part counts as held in releases/part. It was cut, so tar complains; sums decide.
unpack_part() {
  garbage="$garbage releases/part"
  tool rm -rf releases/part
  tool mkdir releases/part
  tar -xomf "$part" -C releases/part >/dev/null 2>&1 || :
  tool rm -f "$part" "$part.for"
}

# receive_payload SECONDS: what the client sends, until it ends. Without its last word nothing more is done, and the part
# is kept.
receive_payload() {
  [ -n "$limiter" ] || choose_limiter
  code=0
  if [ -n "$arrived" ]; then
    # The client says first whether the rest follows or everything anew. Cut before that, the part stays as it is.
    # shellcheck disable=SC2016 # variables of the shell it is for
    script='read -r word || exit 0; [ "$word" = rest ] || : >"$0"; exec cat >>"$0"'
    limited "$1" sh -c "$script" "$part" <&3 2>"$output" 4>&- || code=$?
  else
    printf '%s\n' "$target$needed" >"$part.for" || fail disk-error
    limited "$1" cat <&3 >"$part" 2>"$output" 4>&- || code=$?
  fi
  [ "$code" -ne 124 ] || fail command-timeout 'the files did not arrive in time'
  if [ "$code" -ne 0 ]; then
    # A part that the disk had no room for must not fill it.
    garbage="$garbage $part $part.for"
    trouble "$(cat "$output")"
  fi
  heed "$(tail -c 3 "$part")"
  garbage="$garbage $part $part.for"
}

# unpack: the payload is a tar archive of the needed files.
unpack() {
  words=$(tar -xomf "$part" -C "releases/$target" 2>&1) || trouble "$words" damaged-file
}

# verify_release: every file is there and is what the manifest says; only now it is a release.
verify_release() {
  plain_files=''
  program_files=''
  each_file check_mode
  # shellcheck disable=SC2086 # lists of our own names
  [ -z "$plain_files" ] || tool chmod 644 $plain_files
  # shellcheck disable=SC2086
  [ -z "$program_files" ] || tool chmod 755 $program_files
  weed
  # They are written in one go, here and to be checked: of a write for each, only the last one's failure would be noticed.
  lines=''
  each_file add_sum
  quick_sums || check_sums
  printf '%s' "$lines" >"$work/manifests/$target" || fail disk-error
  unsettled="$unsettled $paths releases $work/manifests/$target"
}

# weed: the release holds its own plain files and nothing else. What is no part of it goes, before anything is believed of it.
weed() {
  known=$newline
  each_file note_known
  for file in $settings_files; do
    known="$known$file$newline"
  done
  # A release that has just come has its own directories only, and the shell lists those itself.
  unknown=''
  for directory in . $directories; do
    look_through "releases/$target" "$directory"
  done
  [ -n "$unknown" ] || return 0
  # Here a name with a line break in it is met by the parts it falls into.
  found=$(find "releases/$target" ! -type d)
  each_line weed_file "$found"
}

# look_through RELEASE DIRECTORY: weed what is in it; $unknown is set where another directory is. A name with a line break in it is
# none of ours.
look_through() {
  within=$1/$2
  [ "$2" != . ] || within=$1
  for entry in "$within"/* "$within"/.[!.]* "$within"/..?*; do
    if [ -d "$entry" ] && [ ! -L "$entry" ]; then
      case " $directories " in
        *" ${entry#"$1/"} "*) ;;
        *) unknown=yes ;;
      esac
    elif [ -e "$entry" ] || [ -L "$entry" ]; then
      case $entry in
        *"$newline"*) tool rm -rf "$entry" ;;
        *) weed_file "$entry" ;;
      esac
    fi
  done
}

note_known() {
  known="$known$5$newline"
}

weed_file() {
  path=${1#"releases/$target/"}
  case $path in
    state/*) return 0 ;;
  esac
  case $known in
    *"$newline$path$newline"*) ;;
    *)
      tool rm -rf "$1"
      return 0
      ;;
  esac
  if [ -L "$1" ] || [ ! -f "$1" ] || [ -u "$1" ] || [ -g "$1" ]; then
    tool rm -rf "$1"
  fi
}

# check_sums: every file is what it should be, or the step fails with the one that is not.
check_sums() {
  sums=$run/sums
  garbage="$garbage $sums"
  printf '%s' "$lines" >"$sums" || fail disk-error
  code=0
  verdicts=$(sha256sum -c "$sums" 2>/dev/null) || code=$?
  [ "$code" -ne 127 ] || fail tool-missing sha256sum
  [ "$code" -eq 0 ] || each_line fail_damaged "$verdicts"
  [ "$code" -eq 0 ] || fail damaged-file
}

# check_mode INDEX SHA256 SIZE MODE PATH: a file that was copied from another release may have that one's mode.
check_mode() {
  file=releases/$target/$5
  unsettled="$unsettled $file"
  case $4 in
    0755) [ -x "$file" ] || program_files="$program_files $file" ;;
    *) [ ! -x "$file" ] || plain_files="$plain_files $file" ;;
  esac
}

fail_damaged() {
  case $1 in
    *': OK') ;;
    *) fail damaged-file "${1%%:*}" ;;
  esac
}
