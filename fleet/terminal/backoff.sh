# Tries of a command with waits that grow. Only in programs whose playbook asks for it; what was planned before has its own.

# attempt_slower WAITS MOST TRIES KINDS SECONDS WORD...: as attempt; the first wait is the first of WAITS, and so on. Spread
# like every wait, none is longer than MOST, and none is begun that the step has no time for. All are in seconds, with two
# digits behind the point.
attempt_slower() {
  waits=$1
  most=$2
  tries=$3
  kinds=$4
  seconds=$5
  shift 5
  while :; do
    code=0
    limited "$seconds" "$@" || code=$?
    [ "$code" -ne 0 ] || return 0
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return "$code"
    case "$code $kinds" in
      '124 '*timeout*) ;;
      '124 '*) return "$code" ;;
      *command*) ;;
      *) return "$code" ;;
    esac
    spread "${waits%% *}"
    waits=${waits#* }
    [ "$(hundredths "$spread")" -le "$(hundredths "$most")" ] || spread=$most
    has_time "$spread" || return "$code"
    pause "$spread"
  done
}

# has_time SECONDS: the step lasts longer than that yet, or nobody knows how long it has taken.
has_time() {
  if [ "$limit_at" -eq 0 ] || [ "$now" -eq 0 ]; then
    return 0
  fi
  clock
  [ $((now + $(hundredths "$1"))) -lt "$limit_at" ]
}

# hundredths SECONDS: print how many hundredths of a second that is.
hundredths() {
  printf '%s' $((${1%.*} * 100 + 1${1#*.} - 100))
}
