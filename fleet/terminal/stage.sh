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
  [ ! -e "$work/activating" ] || return 1
  target=$live
  place=current
  each_file print_sum | sha256sum -c >/dev/null 2>&1
}

# stage SECONDS: the new release is complete at releases/$target, or the program ends.
stage() {
  target=$release
  # A live release is never written to: the same release again goes to a second directory.
  [ "$live" != "$target" ] || target=$release.r
  paths=''
  for directory in $directories; do
    paths="$paths releases/$target/$directory"
  done
  # shellcheck disable=SC2086 # lists of our own names
  tool mkdir -p "releases/$target" $paths
  reuse_files
  needed=''
  each_file need_file
  report "need$needed"
  report send
  receive_payload "$1"
  each_file split_off
  await_go <&5
  exec 5<&-
  verify_release
  place=releases/$target
}

# reuse_files: copy what other releases here hold already; $good lists the verified paths.
reuse_files() {
  wanted=$newline$(each_file print_wanted)$newline
  claimed=''
  good=' '
  here=' '
  copies=''
  held=$(list_held)
  each_line find_reuse "$held"
  copy_files
  [ -n "$claimed" ] || return 0
  verdicts=$(printf '%s' "$claimed" | sha256sum -c 2>/dev/null) || :
  each_line keep_good "$verdicts"
}

print_wanted() {
  printf '%s  %s\n' "$2" "$5"
}

# list_held: `sha256  releases/NAME/PATH` of every file in every release directory.
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
  # shellcheck disable=SC2086 # lists of checked names
  [ -z "$manifests" ] || cat $manifests
  # shellcheck disable=SC2086
  [ -z "$unlisted" ] || find $unlisted -type f -exec sha256sum {} +
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
    tool cp "$source" "$destination"
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
  [ -z "$batch" ] || tool cp $batch "$into/"
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

# receive_payload SECONDS: what the client sends, until it ends, as file descriptor 5.
receive_payload() {
  [ -n "$limiter" ] || choose_limiter
  code=0
  words=$(limited "$1" cat 2>&1 <&3 >"$run/payload") || code=$?
  [ "$code" -ne 124 ] || fail command-timeout 'the files did not arrive in time'
  [ "$code" -eq 0 ] || trouble "$words"
  exec 5<"$run/payload"
  garbage="$garbage $run/payload"
}

# split_off INDEX SHA256 SIZE MODE PATH: the next file of the payload, when it was asked for.
split_off() {
  case "$needed " in
    *" $1 "*) ;;
    *) return 0 ;;
  esac
  file=releases/$target/$5
  blocks=$(($3 / 65536))
  rest=$(($3 % 65536))
  words=$(
    exec 2>&1 >"$file"
    [ "$blocks" -eq 0 ] || dd bs=65536 count="$blocks" <&5 || exit 1
    [ "$rest" -eq 0 ] || exec dd bs="$rest" count=1 <&5
  ) || trouble "$words"
}

# verify_release: every file is there and is what the manifest says; only now it is a release.
verify_release() {
  plain_files=''
  program_files=''
  each_file name_file
  # shellcheck disable=SC2086 # lists of our own names
  [ -z "$plain_files" ] || tool chmod 644 $plain_files
  # shellcheck disable=SC2086
  [ -z "$program_files" ] || tool chmod 755 $program_files
  each_file print_sum >"$run/manifest"
  code=0
  verdicts=$(sha256sum -c "$run/manifest" 2>/dev/null) || code=$?
  [ "$code" -ne 127 ] || fail tool-missing sha256sum
  [ "$code" -eq 0 ] || each_line fail_damaged "$verdicts"
  [ "$code" -eq 0 ] || fail damaged-file
  # shellcheck disable=SC2086
  settle $plain_files $program_files "releases/$target" $paths releases
  [ -d "$work/manifests" ] || tool mkdir "$work/manifests"
  tool mv "$run/manifest" "$work/manifests/$target"
}

# name_file INDEX SHA256 SIZE MODE PATH: note the file by its mode.
name_file() {
  case $4 in
    0755) program_files="$program_files releases/$target/$5" ;;
    *) plain_files="$plain_files releases/$target/$5" ;;
  esac
}

fail_damaged() {
  case $1 in
    *': OK') ;;
    *) fail damaged-file "${1%%:*}" ;;
  esac
}
