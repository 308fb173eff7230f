# stage: bring the release's missing files into a directory beside the live one, and verify every byte.
#
# The directory carries its final name from the start. It is no release before every file in it is verified,
# and nothing points to it before activate.

# print_sum INDEX SHA256 SIZE MODE PATH: the file's line as `sha256sum -c` reads it.
print_sum() {
  printf '%s  releases/%s/%s\n' "$2" "$target" "$5"
}

# release_holds: the live release is the wanted one, committed, and every file of it is intact.
release_holds() {
  [ "$live" = "$release" ] || [ "$live" = "$release.r" ] || return 1
  read_journal
  ! is_unfinished || return 1
  target=$live
  place=current
  each_file print_sum | sha256sum -c >/dev/null 2>&1
}

# stage SECONDS: the new release is complete at releases/$target, or the program ends.
stage() {
  target=$release
  # A live release is never written to: the same release again goes to a second directory.
  [ "$live" != "$target" ] || target=$release.r
  paths="releases/$target"
  for directory in $directories; do
    paths="$paths releases/$target/$directory"
  done
  # shellcheck disable=SC2086 # a list of our own names
  tool mkdir -p $paths "$work/manifests"
  reuse_files
  needed=''
  each_file need_file
  report "need$needed"
  report send
  receive_payload "$1"
  [ -z "$needed" ] || unpack
  verify_release
  place=releases/$target
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
    if [ -f "$work/manifests/$name" ]; then
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

# receive_payload SECONDS: what the client sends, until it ends. Without its last word nothing more is done.
receive_payload() {
  [ -n "$limiter" ] || choose_limiter
  garbage="$garbage $run/payload"
  code=0
  limited "$1" cat <&3 >"$run/payload" 2>"$output" 4>&- || code=$?
  [ "$code" -ne 124 ] || fail command-timeout 'the files did not arrive in time'
  [ "$code" -eq 0 ] || trouble "$(cat "$output")"
  heed "$(tail -c 3 "$run/payload")"
}

# unpack: the payload is a tar archive of the needed files.
unpack() {
  words=$(tar -xomf "$run/payload" -C "releases/$target" 2>&1) || trouble "$words" damaged-file
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
  code=0
  verdicts=$(each_file print_sum | sha256sum -c 2>/dev/null) || code=$?
  [ "$code" -ne 127 ] || fail tool-missing sha256sum
  [ "$code" -eq 0 ] || each_line fail_damaged "$verdicts"
  [ "$code" -eq 0 ] || fail damaged-file
  each_file print_sum >"$work/manifests/$target" || fail disk-error
  unsettled="$unsettled $paths releases $work/manifests/$target"
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
