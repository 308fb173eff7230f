# signature: what is staged was signed by the key this terminal knows, has not expired, and is not older than what was live here.
#
# It is checked before anything is sent, so long before anything live is touched. Three things are kept here:
#   .fleet/release-key   the key of the first push; another is refused from then on
#   .fleet/signed/NAME   how the statement about releases/NAME was checked, and the statement
#   .fleet/floor         NUMBER TIME: of the newest release that was ever live, once an older one is permitted
# The floor is the higher of the file and what is signed of the live release: so the commit itself raises it, and nothing
# else does. No time comes from this terminal's clock; TIME is the newest not-before that was signed.

# check_signature: the program ends here unless $target may be staged.
check_signature() {
  read_release_statement
  check_key
  find_floor
  read_clocks
  require_fresh "$release_expires" "the release's signature"
  if [ "$release_number" -lt "$floor" ]; then
    check_permit
    keep_floor
  fi
  check_once
  [ "$known_key" = "$release_key" ] || keep_key
  hold "fact signature $level"
}

# field NAME TEXT: $value is what the text says under that name.
field() {
  value=${2#*"$newline$1="}
  value=${value%%"$newline"*}
}

# number_field NAME TEXT WHERE: the same for a number.
number_field() {
  field "$1" "$2"
  require_number "$value" "$1 in $3"
}

# require_number VALUE WHAT: it is one, and small enough for every shell.
require_number() {
  case $1 in
    '' | *[!0-9]* | 0?* | ???????????*) refuse "$2 is no number" ;;
  esac
}

# refuse WORDS: this is not what was signed.
refuse() {
  fail signature-refused "$1"
}

# read_release_statement: $release_number and $release_expires are what it says; all else in it is known here, or needed once.
read_release_statement() {
  number_field number "$release_statement" 'the statement'
  release_number=$value
  number_field not-before "$release_statement" 'the statement'
  not_before=$value
  number_field expires "$release_statement" 'the statement'
  release_expires=$value
  field manifest "$release_statement"
  manifest=$value
  told="fleet-release/1${newline}version=$release_version${newline}artifact=$release_artifact${newline}number=$release_number"
  told="$told${newline}manifest=$manifest${newline}size=$release_size${newline}not-before=$not_before${newline}expires=$release_expires"
  [ "$told" = "$release_statement" ] || refuse 'the statement is about something else'
}

# check_key: the release is signed by the key of this terminal's first push. A power cut in that one may have left the key's
# beginning only; then nothing else of it is left either.
check_key() {
  known_key=''
  [ ! -f "$work/release-key" ] || read -r known_key <"$work/release-key" || :
  case $release_key in
    "$known_key"*) ;;
    *) refuse 'it is signed by another key than the one this terminal knows' ;;
  esac
}

# keep_key: from now on this terminal knows the key; durable with what is next.
keep_key() {
  printf '%s\n' "$release_key" 2>/dev/null >"$work/release-key" || trouble 'the key cannot be written'
  unsettled="$unsettled $work/release-key $work"
}

# read_signed NAME: $signed is what is kept about releases/NAME, empty where nothing is.
read_signed() {
  signed=''
  [ -f "$work/signed/$1" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    signed=$signed$line$newline
  done <"$work/signed/$1"
}

# find_floor: $floor is the number of the newest release that was committed here, $floor_time the newest time in a statement.
find_floor() {
  floor=0
  floor_time=0
  [ ! -f "$work/floor" ] || read -r floor floor_time <"$work/floor" || :
  require_number "$floor" 'the number in .fleet/floor'
  require_number "$floor_time" 'the time in .fleet/floor'
  kept_floor=$floor
  # Where nothing takes back what was left half-way, the live release may be one that was never committed.
  [ "$state" != unread ] || read_journal
  committed=$live
  ! is_unfinished || committed=$from
  read_signed "${committed:--}"
  [ -n "$signed" ] || return 0
  number_field number "$signed" '.fleet/signed'
  [ "$value" -le "$floor" ] || floor=$value
  number_field not-before "$signed" '.fleet/signed'
  [ "$value" -le "$floor_time" ] || floor_time=$value
}

# read_clocks: $here_at is this terminal's clock, 0 where it has none, and $sent_at the client's. Far apart, a fact says so.
read_clocks() {
  here_at=$(date +%s 2>/dev/null) || here_at=0
  case $here_at in
    '' | *[!0-9]*) here_at=0 ;;
  esac
  case $sent_at in
    '' | *[!0-9]*) sent_at=$here_at ;;
  esac
  ahead=$((here_at - sent_at))
  if [ "$ahead" -gt 86400 ] || [ "$ahead" -lt -86400 ]; then
    report "fact clock_ahead_s $ahead"
  fi
}

# require_fresh EXPIRES WHAT: it has not expired; a clock that runs far behind is no trouble, for what was signed is not older.
require_fresh() {
  [ "$floor_time" -le "$1" ] || fail release-expired "$2 ended before that of what was live here"
  [ "$sent_at" -le "$1" ] || fail release-expired "$2 has expired"
  [ "$here_at" -gt "$1" ] || return 0
  [ "$ahead" -le 86400 ] || fail clock-wrong "this clock is $((ahead / 86400)) days ahead of ours"
  fail release-expired "$2 has expired"
}

# check_permit: a release below the floor needs a permit of its own.
check_permit() {
  [ -n "$permit_statement" ] || fail downgrade-refused "its number is $release_number, and $floor was live here"
  number_field from "$permit_statement" 'the permit'
  permitted_from=$value
  number_field not-before "$permit_statement" 'the permit'
  permitted_at=$value
  number_field expires "$permit_statement" 'the permit'
  permit_expires=$value
  told="fleet-permit/1${newline}version=$release_version${newline}from=$permitted_from${newline}to=$release_number"
  told="$told${newline}not-before=$permitted_at${newline}expires=$permit_expires"
  [ "$told" = "$permit_statement" ] || refuse 'the permit is about something else'
  [ "$floor" -le "$permitted_from" ] || fail downgrade-refused "the permit covers $permitted_from, and $floor was live here"
  require_fresh "$permit_expires" 'the permit'
  verify fleet-permit "$permit_statement" "$permit_sshsig" "$permit_der"
}

# keep_floor: what is live now stays the floor when an older one takes its place.
keep_floor() {
  [ "$floor" -le "$kept_floor" ] || keep floor "$floor $floor_time"
}

# keep NAME LINE: write the file .fleet/NAME anew. It is durable before it has its name: half of one would keep every push out.
keep() {
  printf '%s\n' "$2" 2>/dev/null >"$work/$1.new" || trouble "$1 cannot be written"
  unsettled="$unsettled $work/$1.new"
  settle
  tool mv "$work/$1.new" "$work/$1"
  unsettled="$unsettled $work"
}

# check_once: the signature is good, and the files are those that were signed. What was seen before is not looked at again.
check_once() {
  [ -d "$work/signed" ] || tool mkdir -p "$work/signed"
  read_signed "$target"
  for level in sshsig openssl; do
    [ "$signed" != "$level$newline$release_statement$newline" ] || return 0
  done
  garbage="$garbage $run/manifest"
  each_file print_manifest 2>/dev/null >"$run/manifest" || trouble 'the manifest cannot be written'
  code=0
  sum=$(sha256sum 2>/dev/null <"$run/manifest") || code=$?
  [ "$code" -ne 127 ] || fail tool-missing sha256sum
  [ "${sum%% *}" = "$manifest" ] || refuse 'the files are not those that were signed'
  verify fleet-release "$release_statement" "$release_sshsig" "$release_der"
  write_signed 2>/dev/null || trouble 'what was checked cannot be kept'
  unsettled="$unsettled $work/signed/$target $work/signed $work"
}

write_signed() {
  printf '%s\n' "$level" "$release_statement" >"$work/signed/$target"
}

# print_manifest INDEX SHA256 SIZE MODE PATH: the file's line as it was signed.
print_manifest() {
  printf '%s %s %s %s\n' "$4" "$3" "$2" "$5"
}

# verify NAMESPACE STATEMENT SSHSIG DER: $level is how the signature was checked. One that is not good ends the program.
verify() {
  level=channel-only
  garbage="$garbage $run/statement* $run/signer*"
  write_statement "$@" 2>/dev/null || trouble 'the statement cannot be written'
  if command -v ssh-keygen >/dev/null; then
    verify_sshsig "$1"
  fi
  if [ "$level" = channel-only ] && command -v openssl >/dev/null; then
    verify_der
  fi
}

write_statement() {
  printf '%s\n' "$2" >"$run/statement" && printf '%s\n' "$3" >"$run/statement.sshsig" && printf '%s\n' "$4" >"$run/statement.der64" &&
    printf '%s\n' "$release_spki" >"$run/signer.pem" && printf 'fleet namespaces="%s" %s\n' "$1" "$release_key" >"$run/signers"
}

# verify_sshsig NAMESPACE: by ssh-keygen, where it knows -Y.
verify_sshsig() {
  code=0
  words=$(ssh-keygen -Y verify -f "$run/signers" -I fleet -n "$1" -s "$run/statement.sshsig" 2>&1 <"$run/statement") || code=$?
  if [ "$code" -eq 0 ]; then
    level=sshsig
    return 0
  fi
  case $words in
    *' option -- '* | *'sage: '*) ;;
    *) refuse "ssh-keygen says: ${words%%"$newline"*}" ;;
  esac
}

# verify_der: by openssl, where it knows the key's kind.
verify_der() {
  tool openssl base64 -d -in "$run/statement.der64" -out "$run/statement.der"
  words=$(openssl dgst -sha256 -verify "$run/signer.pem" -signature "$run/statement.der" "$run/statement" 2>&1) || :
  case $words in
    *'Verified OK'*) level=openssl ;;
    *[Uu]'nable to load'*[Kk]ey*) report_log "openssl cannot read the key: ${words%%"$newline"*}" ;;
    *) refuse "openssl says: ${words%%"$newline"*}" ;;
  esac
}

# tell_signature: how the live release's signature was checked when it came.
tell_signature() {
  read_signed "$live"
  [ -z "$signed" ] || hold "fact signature ${signed%%"$newline"*}"
}
